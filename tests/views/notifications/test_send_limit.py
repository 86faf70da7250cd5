from webapp.views.notifications.send_limit import PER_MINUTE

FORM = {"name": "Failures", "topic": ["failed"], "channel": "webhook", "address": "https://hooks.example.org/secret"}


def test_a_user_who_sends_too_many_messages_is_told_how_long_to_wait(client_of, user, admin, services):
    client = client_of(user)
    client.post("/me/notifications/new", data=FORM)
    [rule] = services.notification_rules.of_user(user.id)
    statuses = [client.post(f"/me/notifications/{rule.id}/test").status_code for _ in range(PER_MINUTE)]
    assert statuses == [303] * PER_MINUTE
    refused = client.post(f"/me/notifications/{rule.id}/test")
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert "You can send 10 messages per minute by hand. Try again in " in refused.text
    delivery = services.delivery_log.of_user(user.id)[0]
    assert client.post(f"/me/notifications/deliveries/{delivery.id}/send-again").status_code == 429
    assert len(services.delivery_log.of_user(user.id)) == PER_MINUTE
    again = client_of(admin).post(f"/admin/notifications/deliveries/{delivery.id}/send-again")
    assert again.status_code == 409  # of somebody else, whose messages are counted apart
