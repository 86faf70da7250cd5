"""The job types that ship with Deskjob, one module or package each."""

MODULES = (
    "webapp.jobtypes.bulk_action",
    "webapp.jobtypes.dataset_report",
    "webapp.jobtypes.failure_hook",
    "webapp.jobtypes.job_history_export",
    "webapp.jobtypes.maintenance",
    "webapp.jobtypes.notification_delivery",
    "webapp.jobtypes.table_convert",
    "webapp.jobtypes.user_import",
)
