from datetime import timedelta
from uuid import uuid4

import pytest

from webapp.notifications.delivery_log import DeliveryNotFound, NotRedeliverable
from webapp.schema import later, notification_deliveries

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def log(services):
    return services.delivery_log


def test_deliveries_are_paged_newest_first_and_filtered(office, user, person, log):
    mine, other = office.rule(user, "failed"), office.rule(person("bea", email="b@example.org"), "failed")
    ids = [log.add_test(mine) for _ in range(3)] + [log.add_test(other)]
    assert [each.id for each in log.all(limit=2)] == [ids[3], ids[2]]
    assert [each.id for each in log.all(after=ids[2])] == [ids[1], ids[0]]
    assert [each.id for each in log.of_user(user.id)] == ids[2::-1]
    log.record_failure(ids[0], "It did not arrive.", final=True)
    assert [each.id for each in log.all(status="failed")] == [ids[0]]
    assert (log.count_failed(user.id, timedelta(days=1)), log.count_failed(other.user_id, timedelta(days=1))) == (1, 0)


def test_only_what_ended_can_be_sent_again_and_only_with_its_rule(office, user, log, services):
    rule = office.rule(user, "failed")
    delivery_id = log.add_test(rule)
    with pytest.raises(NotRedeliverable, match="already being sent"):
        log.queue_again(delivery_id)
    log.record_success(delivery_id, "")
    log.queue_again(delivery_id)
    log.record_failure(delivery_id, "no", final=True)
    services.notification_rules.delete(rule.id)
    assert log.get(delivery_id).rule_name == "My rule"
    with pytest.raises(NotRedeliverable, match="deleted"):
        log.queue_again(delivery_id)
    with pytest.raises(DeliveryNotFound):
        log.queue_again(uuid4())


def test_a_button_that_is_pressed_twice_sends_a_message_again_once(office, user, log):
    delivery_id = log.add_test(office.rule(user, "failed"))
    log.record_failure(delivery_id, "no", final=True)
    shown = log.get(delivery_id).attempts
    log.queue_again(delivery_id, attempts=shown)
    log.record_success(delivery_id, "")  # before the second press arrives
    with pytest.raises(NotRedeliverable, match="sent again meanwhile"):
        log.queue_again(delivery_id, attempts=shown)
    log.queue_again(delivery_id, attempts=shown + 1)


def test_old_deliveries_are_pruned(office, user, log):
    rule = office.rule(user, "failed")
    old, new, waiting = (log.add_test(rule) for _ in range(3))
    for delivery_id in (old, new):
        log.record_success(delivery_id, "")
    office.change(notification_deliveries, old, finished_at=later(-31 * 86_400))
    assert log.prune(timedelta(days=30), only_count=True) == 1
    assert log.prune(timedelta(days=30)) == 1
    assert [each.id for each in log.all()] == [waiting, new]


def test_a_bundle_keeps_fifty_events_and_counts_all(office, user, log, services):
    office.rule(user, "finished")
    for _ in range(60):
        services.jobs.create_user_job("letter", {}, user.id)
    office.run_jobs()
    services.notification_watch.run()
    [delivery] = log.all()
    assert (len(delivery.facts), delivery.event_count) == (50, 60)
