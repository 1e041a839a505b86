import logging
import threading

import pytest

from rag import logs

SECRET = "the merger with Ardent"


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    before = logging.getLogRecordFactory()
    logs.keep_messages_out()
    yield
    logging.setLogRecordFactory(before)


def _fail() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        raise RuntimeError(f"cannot count {SECRET}") from error


def test_an_error_is_logged_by_its_kind_and_place_only(
    quiet: None, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        _fail()
    except RuntimeError as error:
        logging.getLogger("streamlit.error_util").error("Uncaught app execution", exc_info=error)

    assert SECRET not in caplog.text
    assert "Uncaught app execution" in caplog.text
    assert "ValueError\n" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "in _fail" in caplog.text


def test_a_thread_that_ends_with_an_error_does_not_say_it(
    quiet: None, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    thread = threading.Thread(target=_fail, name="answer")
    thread.start()
    thread.join()

    assert SECRET not in caplog.text + capsys.readouterr().err
    assert "Thread answer ended with" in caplog.text


def test_other_records_stay_as_they_are(quiet: None, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("x").warning("%s asked", "streamlit")

    assert caplog.messages == ["streamlit asked"]
