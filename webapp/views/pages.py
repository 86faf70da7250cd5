"""All pages: the blueprints of the application, one per resource."""

from webapp.views import acts, auth, files, health, job_pages, me, new_password, notices, schedules, start
from webapp.views.admin import (
    audit,
    errors,
    jobs,
    new_user,
    overview,
    performance,
    queue_steering,
    queues,
    system,
    types,
    users,
    workers,
)

BLUEPRINTS = (
    *(auth.bp, new_password.bp, me.bp, notices.bp, health.bp),
    *(acts.bp, start.bp, files.bp, *job_pages.BLUEPRINTS),
    *(overview.bp, jobs.bp, errors.bp, queues.bp, workers.bp, schedules.bp, performance.bp),
    *(types.bp, users.bp, audit.bp, system.bp),
)
FURTHER = (queue_steering, new_user)  # imported for the routes that they add to the blueprint of their resource
