"""The job types that ship with Deskjob, one module or package each, with the name of the type."""

from collections.abc import Mapping
from types import MappingProxyType

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
# The queues other than the default, so that a list of queues needs no job type
QUEUES: Mapping[str, str] = MappingProxyType({"webapp.jobtypes.notification_delivery": "notifications"})
