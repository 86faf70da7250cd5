"""What can be asked for: one module per job type that ships with Deskjob."""

MODULES = (
    "webapp.jobtypes.bulk_action",
    "webapp.jobtypes.dataset_report",
    "webapp.jobtypes.job_history_export",
    "webapp.jobtypes.maintenance",
    "webapp.jobtypes.user_import",
)
