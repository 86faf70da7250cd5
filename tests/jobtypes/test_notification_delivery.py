from datetime import timedelta
from uuid import uuid4

import pytest

from webapp.jobs import JobError
from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.notification_delivery import notification_delivery
from webapp.notifications.channels.delivery_errors import NotDelivered, Undeliverable

PAYLOAD = {"delivery_id": str(uuid4())}


class FakeMessenger:
    def __init__(self, error=None):
        self.error = error
        self.sent = []

    def deliver(self, delivery_id):
        self.sent.append(delivery_id)
        if self.error:
            raise self.error
        return ""

    def delay_after(self, _):
        return timedelta(seconds=15)


def test_a_message_is_delivered():
    job, messenger = FakeJobContext(), FakeMessenger()
    job.run(notification_delivery, PAYLOAD, messenger=messenger)
    assert job.messages == ["Delivered."]
    assert len(messenger.sent) == 1


def test_an_unreachable_receiver_postpones_the_job_and_uses_up_no_attempt():
    with pytest.raises(BaseException, match="away") as raised:
        FakeJobContext().run(notification_delivery, PAYLOAD, messenger=FakeMessenger(NotDelivered("It is away.")))
    assert (raised.value.counts, raised.value.delay) == (False, timedelta(seconds=15))


def test_what_cannot_be_delivered_fails_with_its_reason():
    with pytest.raises(JobError, match="refused"):
        FakeJobContext().run(notification_delivery, PAYLOAD, messenger=FakeMessenger(Undeliverable("It was refused.")))


def test_a_dry_run_sends_nothing():
    messenger = FakeMessenger()
    FakeJobContext(is_dry_run=True).run(notification_delivery, PAYLOAD, messenger=messenger)
    assert messenger.sent == []
