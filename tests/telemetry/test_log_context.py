from contextvars import Context
from threading import Thread

from webapp.telemetry.log_context import add_request_fields, log_fields, process_fields, request, set_process_fields


def test_a_request_has_fields_of_its_own() -> None:
    with request("first"):
        add_request_fields(user="ann")
        assert Context().run(log_fields) == {}, "another request of the same process"
        with request("second"):
            assert log_fields() == {"request_id": "second"}
        assert log_fields() == {"request_id": "first", "user": "ann"}
    assert log_fields() == {}


def test_all_threads_of_a_work_horse_have_its_fields() -> None:
    found = []
    with process_fields(job_id="7", attempt=2):
        thread = Thread(target=lambda: found.append(dict(log_fields())))
        thread.start()
        thread.join()
    assert found == [{"job_id": "7", "attempt": 2}]
    assert log_fields() == {}


def test_a_field_can_be_removed() -> None:
    set_process_fields(worker="w")
    set_process_fields(worker=None)
    assert log_fields() == {}
