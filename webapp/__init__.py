"""Deskjob: a back office for background jobs.

job type       the definition: name, typed payload, handler, policies
job, attempt   one request to run a job type; one execution of it
payload        the typed input of a job (a pydantic model), JSON in its row
state          the checkpoint that a handler saves; kept across attempts
owner          a user or the system; a public job is a system job that everyone can see
attachment     a file that a job produces (output) or was given (input)
root, child    the two levels of a job; dependents are held until other jobs finish
queue, worker  a named set of jobs; the RQ worker that serves it; a pool is the parent of several workers
work-horse     RQ's term for the child process in which a worker runs jobs
wake-up        the RQ entry that tells a worker that its queue has jobs
claim          take the next queued job
lease, fence   a work-horse's right to run jobs; the attempt number that each of its writes carries
clock          the process that promotes due jobs, rescues jobs of dead workers and fires schedules
schedule       a cron rule that creates jobs
notification rule  which events are reported, to whom and how; a delivery is one message of a rule
inbound webhook    starts a job for each signed message of another system

Layers, from the bottom: ``config schema`` < ``telemetry`` < ``db`` < ``accounts jobs`` < ``notifications`` <
``jobtypes`` < ``inbound`` < ``services`` < ``views demo operations`` < ``api`` < ``app`` < ``processes`` <
``cli``. The engine, from the bottom: ``model`` < ``store metrics`` < ``queries definition`` < ``queueing`` <
``lifecycle`` < ``execution schedules service`` < ``rq_queue maintenance`` < ``monitoring`` < ``invariants``.
docs/architecture.md has the full glossary.
"""
