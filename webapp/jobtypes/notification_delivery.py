"""Notification: delivers one message by mail, webhook or chat; created by the clock for each message."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel, Field

from webapp.jobs import JobContext, JobError, Retention, job_type
from webapp.notifications.channels.delivery_errors import NotDelivered, Undeliverable
from webapp.notifications.messenger import Messenger
from webapp.notifications.rule import DELIVERY_QUEUE, DELIVERY_TYPE


class NotificationDelivery(BaseModel):
    """The message, as the log of deliveries names it."""

    delivery_id: UUID = Field(title="Delivery")


@job_type(
    DELIVERY_TYPE,
    title="Notification",
    description="Sends a notification by mail, webhook or chat.",
    group="System",
    queue=DELIVERY_QUEUE,
    roles=("admin",),
    for_tenants=False,
    listed=False,
    timeout=timedelta(minutes=3),
    keep=Retention(completed=timedelta(days=1)),
)
def notification_delivery(job: JobContext, payload: NotificationDelivery, messenger: Messenger) -> None:
    """Deliver the message, or retry later; an unreachable receiver uses up no attempt."""
    if job.is_dry_run:
        job.logger.info("A dry run sends nothing.")
        return
    try:
        job.message(messenger.deliver(payload.delivery_id) or "Delivered.")
    except NotDelivered as error:
        raise job.retry_later(messenger.delay_after(payload.delivery_id), str(error), counts=False) from None
    except Undeliverable as error:
        raise JobError(str(error)) from None
