"""Messages that the engine, the accounts and the job types store in English, listed for the catalogue.

`stored_messages` recognises a stored sentence by these patterns and translates it. Placeholders have
meanings: ``count`` and ``left`` are numbers, ``size`` and ``whole`` are sizes, ``what`` is a list, and
``why`` and ``reason`` are texts that are listed here too.
"""


def english(text: str) -> str:
    """Mark a text for extraction into the catalogue."""
    return text


_ENGINE_FIXED = (
    english("user"),
    english("auditor"),
    english("operator"),
    english("admin"),
    english("The job reported that it failed."),
    english("The owner of this job is missing or disabled, so the job cannot run on their behalf."),
    english("A job that this one depends on did not complete."),
    english("It ran from the command line and was interrupted."),
    english("It did not stop within its grace period and was killed."),
    english("The worker was stopped, and the job did not finish within the grace period."),
    english("The machine that ran this job stopped responding."),
    english("The worker that ran this job was killed."),
    english("The worker that ran this job went down."),
    english("This password is too easy to guess. A few unrelated words are easy to remember and hard to guess."),
    english("This is not an email address."),
    english("The first row must contain the column names, including name."),
    english("The disk is full, so the data was not saved. Free some space, then retry."),
    english("It ran out of memory. Reduce its workload or give it more memory, then retry."),
    english("The database was unreachable for too long, so the job was killed."),
    english("Its lease expired because its worker sent no heartbeat."),
    english("No reason given."),
    english("The previous job had not finished."),
    english("This run and the runs up to the next one were missed."),
    english("A secret of this job cannot be decrypted because SECRET_KEY has changed since the job was created."),
    english("Text cannot contain NUL characters or unpaired surrogates."),
    english("A payload cannot be nested this deeply."),
    english("one of its child jobs has not ended."),
    english("minute"),
    english("hour"),
    english("day of the month"),
    english("month"),
    english("day of the week"),
    english("0 to 59"),
    english("0 to 23"),
    english("1 to 31, or L for the last"),
    english("1 to 12, or JAN to DEC"),
    english("0 to 7, or SUN to SAT"),
)
_ENGINE_PATTERNS = (
    english("The input file %(name)s was deleted. Run the job again with a new file."),
    english("It ran longer than its limit of %(limit)s and was stopped."),
    english("It ran longer than its limit of %(limit)s and was killed."),
    english(
        "The process that ran this job was killed (%(signal)s). The machine may have run out of memory: "
        "the process used up to %(memory)s."
    ),
    english("The process that ran this job was killed (%(signal)s)."),
    english("The process that ran this job exited with status %(status)s."),
    english(
        "No worker has known the job type %(name)s for an hour. It was removed or is not installed. Retry this "
        "job when a worker knows its type."
    ),
    english("This worker does not know the job type %(name)s. Another worker may know it."),
    english("Job %(id)s is %(old)s and cannot become %(new)s."),
    english("The handler %(name)s returned a %(kind)s, which is never run."),
    english("It exited with status %(status)s."),
    english("It was not retried, because its retry policy failed: %(error)s"),
    english("A payload can have at most %(count)s bytes of JSON, not %(left)s. Pass large data as a file."),
    english("A unique key must have 1 to %(count)s characters, not %(left)s."),
    english("A title can have at most %(count)s characters, not %(left)s."),
    english("job.%(name)s was called, but its result was never used, so it did nothing."),
    english("%(count)s of %(left)s child jobs failed."),
    english("A job with the unique key %(key)s is not finished yet."),
    english("… and %(count)s more."),
    english("A password must have %(shortest)s to %(longest)s characters."),
    english(
        "A username must have 1 to %(longest)s characters (letters, digits and . @ + - _) "
        "and start with a letter or digit."
    ),
    english("A username cannot contain %(sign)s. Use letters, digits and . @ + - _ only."),
    english("A full name cannot contain the character %(sign)s."),
    english("A tenant cannot contain the character %(sign)s."),
    english("A name cannot contain the character %(sign)s."),
    english("A tenant must be a single line of at most %(longest)s characters."),
    english("A full name must be a single line of at most %(longest)s characters."),
    english("An account named %(name)s already exists."),
    english("There is no account named %(name)s."),
    english("Unknown role %(role)s. The roles are %(roles)s."),
    english("The file is larger than the allowed %(limit)s bytes."),
    english("It reported nothing for %(period)s and was marked as lost."),
    english("No update for %(period)s, so it was marked as lost."),
    english("Job %(id)s has started or ended, so its priority cannot change."),
    english("Job %(id)s belongs to a user, so it cannot be public."),
    english("Job %(id)s is a child of job %(root)s and is deleted with it. Keep that job instead."),
    english("Job %(id)s cannot be deleted: %(why)s"),
    english("it is a child of job %(root)s and is deleted with it."),
    english("it is %(status)s. Stop it first."),
    english("Job type %(name)s is disabled."),
    english("Job type %(name)s is disabled: %(said)s."),
    english("Another job with the unique key %(key)s is not finished yet."),
    english("There is no worker %(name)s. It may have stopped already."),
    english("Unknown time zone %(name)s. Example: Europe/Madrid."),
    english("A rule can have at most %(count)s characters, not %(left)s."),
    english("A rule needs five fields (%(what)s), for example 0 2 * * *; this one has %(count)s."),
    english(
        "%(field)s is not a valid %(what)s. Use a number from %(why)s, a range such as 1-5, a list such as 1,3, or "
        "a step such as */2."
    ),
    english("%(rule)s never runs: none of its months has that day."),
    english("The schedule %(name)s runs one job at a time, and its previous job has not finished."),
    english("The schedule %(name)s was changed by someone else. Reload it and try again."),
    english("A schedule named %(name)s already exists."),
    english("The schedule %(name)s starts the same job already. Change its rule instead."),
    english("There is no queue %(name)s."),
    english("A name must be one line of 1 to %(count)s characters."),
    english("A reason can have at most %(count)s characters."),
    english("A priority must be a number from %(count)s to %(left)s; higher runs first."),
    english("It was postponed %(count)s times without using up an attempt."),
    english("%(name)s is not an accepted file type. Choose a file of type %(kinds)s."),
    english("%(name)s is empty. Choose another file."),
    english("%(name)s is larger than the limit of %(size)s. Choose a smaller file."),
    english(
        "It was interrupted %(count)s times in a row without saving a checkpoint. It may be stopping its own "
        "worker, so the last interruption counts as a failed attempt."
    ),
)


_JOB_TYPE_FIXED = (
    english("Only admins can import users."),
    english("The file has a header but no rows."),
    english("The owner of this export no longer exists."),
    english("The file has no readable rows."),
    english("The file is a ZIP archive, but not an XLSX workbook."),
    english("The workbook is password-protected. Save it without a password and start again."),
    english("The workbook is damaged: it contains a document type declaration."),
    english("The workbook is damaged: it contains a tag that never ends."),
    english("This is an old Excel file (.xls). Save it as XLSX or CSV and start again."),
    english("Some rows were rejected. See rejected.csv for the reasons."),
    english("Nothing to delete."),
    english("A bulk action needs an owner, because it runs with the permissions of its owner."),
    english("This day is before the start day."),
    english("Already ended."),
    english("Already stopping."),
    english("Not ended yet."),
    english("Done, so there is nothing to retry."),
    english("Child jobs are handled with their parent job."),
    english("Belongs to another user."),
    english("This job type asks for your password. Start a new job instead."),
    english("You don't have permission to start this type of job."),
    english("a PDF document"),
    english("a gzip archive; unpack it first"),
    english("a Parquet file"),
    english("a 7-Zip archive; unpack it first"),
    english("an image"),
    english("a SQLite database"),
    english("NUL bytes were removed"),
    english("a quote is never closed, so it was read as text"),
)
_JOB_TYPE_PATTERNS = (
    english("There is no job type %(name)s. It was removed or is not installed here."),
    english("The file has more than %(rows)s rows. Split it into several files."),
    english("The file has more than %(count)s MB. Split it into several files."),
    english("The quote opened on line %(line)s is never closed."),
    english("Line %(line)s cannot be read: %(error)s. A quote before this line may not be closed."),
    english("The column %(column)s appears twice."),
    english("The file %(name)s is empty."),
    english("The file %(name)s is %(what)s, not a CSV or XLSX file."),
    english("The file %(name)s is not a workbook, despite its name. Save it again as XLSX or CSV."),
    english("The sheet %(name)s is empty."),
    english("There is no sheet %(name)s. The sheets are: %(sheets)s."),
    english("The workbook is damaged or not an XLSX file: %(error)s."),
    english(
        "The workbook would unpack to %(count)s parts and %(size)s; at most %(left)s and %(whole)s are read. "
        "Save the sheet as CSV."
    ),
    english("The workbook has more than %(count)s different texts. Save the sheet as CSV."),
    english("The workbook is damaged: it refers to text %(count)s, which does not exist."),
    english("The workbook is damaged: it has a cell in column %(count)s."),
    english("The workbook is damaged: %(error)s."),
    english("The table has %(columns)s columns. The limit is %(most)s."),
    english("%(count)s job"),
    english("%(count)s jobs"),
    english("%(count)s row"),
    english("%(count)s rows"),
    english("%(count)s column"),
    english("%(count)s columns"),
    english("%(count)s expired file"),
    english("%(count)s expired files"),
    english("%(count)s orphaned file"),
    english("%(count)s orphaned files"),
    english("%(count)s schedule run"),
    english("%(count)s schedule runs"),
    english("%(count)s old metric"),
    english("%(count)s old metrics"),
    english("%(count)s session"),
    english("%(count)s sessions"),
    english("%(count)s done, %(left)s skipped"),
    english("%(count)s skipped: %(reason)s"),
    english("%(count)s imported, %(left)s rejected"),
    english("%(count)s can be imported, %(left)s would be rejected"),
    english("%(size)s of %(whole)s, %(what)s"),
    english("Deleted %(what)s."),
    english("Would delete %(what)s."),
    english("The file %(name)s of job %(id)s is missing on disk."),
    english("Line %(line)s: %(why)s."),
    english("Line %(line)s: %(why)s; the row was skipped."),
    english("Lines %(count)s to %(left)s: %(why)s."),
    english("Lines %(count)s to %(left)s: %(why)s; the rows were skipped."),
    english("bytes that are not %(encoding)s are shown as %(mark)s"),
    english("%(count)s more row has similar problems."),
    english("%(count)s more rows have similar problems."),
    english("%(count)s field instead of %(left)s"),
    english("%(count)s fields instead of %(left)s"),
    english("a line of more than %(count)s characters"),
    english("a field of more than %(count)s characters"),
    english("a field of more than %(count)s characters up to line %(left)s, perhaps because a quote is never closed"),
)


FIXED = (*_ENGINE_FIXED, *_JOB_TYPE_FIXED)
PATTERNS = (*_ENGINE_PATTERNS, *_JOB_TYPE_PATTERNS)
