"""Deskjob: a back office for background jobs. This page is its glossary; one word per idea.

job type    the definition: name, typed payload, handler, policy
job         one request to run a job type; attempt = one try at it
payload     the typed input of a job (a pydantic model), JSON in its row
state       the checkpoint that a handler saves; kept over retries
owner       a user or the system; public = a system job that everyone may see;
            triggered by = who asked for it
attachment  a file that a job leaves (output) or was given (input)
upload      a file on its way in: streamed to disk, not yet a job's
queue       a named line of waiting jobs
worker      an RQ worker; work-horse = the child process in which it runs jobs;
            pool = the parent of several workers
root, child a job and its parts, exactly two levels
wake-up     the RQ entry that says "work waits in this queue"
lease       a work-horse's right to run jobs, kept alive by its worker's beats
fence       the attempt number that every write of a running attempt must carry
clock       the process that promotes due jobs, tops up wake-ups and reaps dead leases
schedule    a cron rule that creates jobs

Who may import whom, from the ground up:
``config schema`` < ``jobs accounts`` < ``jobtypes`` < ``services`` < ``views`` < ``app cli``.
"""
