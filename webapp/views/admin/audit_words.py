"""What people read of an action and its object. Pure but for the words."""

from collections.abc import Mapping

from flask_babel import lazy_gettext

from webapp.accounts.audit import Action, Kind

ACTIONS: Mapping[str, str] = {
    Action.SIGN_IN: lazy_gettext("Signed in"),
    Action.SIGN_IN_REFUSED: lazy_gettext("Was refused to sign in"),
    Action.SIGN_OUT: lazy_gettext("Signed out"),
    Action.USER_ADD: lazy_gettext("Added a user"),
    Action.USER_CHANGE: lazy_gettext("Changed a user"),
    Action.USER_ROLE: lazy_gettext("Changed a role"),
    Action.USER_DISABLE: lazy_gettext("Disabled a user"),
    Action.USER_ENABLE: lazy_gettext("Enabled a user"),
    Action.USER_PASSWORD: lazy_gettext("Set a password"),
    Action.JOB_CREATE: lazy_gettext("Started a job"),
    Action.JOB_STOP: lazy_gettext("Stopped a job"),
    Action.JOB_RETRY: lazy_gettext("Retried a job"),
    Action.JOB_RUN_AGAIN: lazy_gettext("Ran a job again"),
    Action.JOB_DELETE: lazy_gettext("Deleted a job"),
    Action.JOB_PRIORITY: lazy_gettext("Changed a priority"),
    Action.JOB_KEEP: lazy_gettext("Kept a job"),
    Action.JOB_PUBLIC: lazy_gettext("Changed who sees a job"),
    Action.JOBS_BULK: lazy_gettext("Acted on many jobs"),
    Action.JOBS_EXPORT: lazy_gettext("Exported jobs"),
    Action.FILE_DOWNLOAD: lazy_gettext("Downloaded a file"),
    Action.FILE_REMOVE: lazy_gettext("Removed a file"),
    Action.QUEUE_PAUSE: lazy_gettext("Paused a queue"),
    Action.QUEUE_RESUME: lazy_gettext("Resumed a queue"),
    Action.QUEUE_LIMIT: lazy_gettext("Limited a queue"),
    Action.QUEUE_EMPTY: lazy_gettext("Emptied a queue"),
    Action.WORKER_DRAIN: lazy_gettext("Stopped a worker after its job"),
    Action.WORKER_STOP: lazy_gettext("Stopped a worker"),
    Action.SCHEDULE_ADD: lazy_gettext("Added a schedule"),
    Action.SCHEDULE_CHANGE: lazy_gettext("Changed a schedule"),
    Action.SCHEDULE_PAUSE: lazy_gettext("Paused a schedule"),
    Action.SCHEDULE_RESUME: lazy_gettext("Resumed a schedule"),
    Action.SCHEDULE_RUN: lazy_gettext("Ran a schedule now"),
    Action.SCHEDULE_REMOVE: lazy_gettext("Removed a schedule"),
    Action.TYPE_ENABLE: lazy_gettext("Enabled a job type"),
    Action.TYPE_DISABLE: lazy_gettext("Disabled a job type"),
    Action.ERROR_RESOLVE: lazy_gettext("Resolved an error"),
    Action.ERROR_IGNORE: lazy_gettext("Ignored an error"),
    Action.ERROR_REOPEN: lazy_gettext("Reopened an error"),
    Action.ERROR_RETRY: lazy_gettext("Retried all jobs of an error"),
    Action.SETTINGS_CHANGE: lazy_gettext("Changed their settings"),
    Action.AUDIT_EXPORT: lazy_gettext("Exported the audit"),
}
KINDS: Mapping[str, str] = {
    Kind.USER: lazy_gettext("User"),
    Kind.JOB: lazy_gettext("Job"),
    Kind.JOBS: lazy_gettext("Jobs"),
    Kind.FILE: lazy_gettext("File"),
    Kind.QUEUE: lazy_gettext("Queue"),
    Kind.WORKER: lazy_gettext("Worker"),
    Kind.SCHEDULE: lazy_gettext("Schedule"),
    Kind.TYPE: lazy_gettext("Job type"),
    Kind.ERROR: lazy_gettext("Error"),
    Kind.SETTINGS: lazy_gettext("Settings"),
    Kind.AUDIT: lazy_gettext("Audit"),
}
