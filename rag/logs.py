"""Keeps what an error says out of the logs: it could be words of a document or of a question.

The kind of an error and the places in the code that it came through are logged; that is what a
report needs.
"""

import logging
import sys
import threading
import traceback
from typing import Any

log = logging.getLogger(__name__)


def keep_messages_out() -> None:
    """Of every logger and thread of this process. Calling it again changes nothing."""
    if logging.getLogRecordFactory() is not _record:
        logging.setLogRecordFactory(_record)
        threading.excepthook = _thread_ended


def _record(*arguments: Any, **attributes: Any) -> logging.LogRecord:
    record = logging.LogRecord(*arguments, **attributes)
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = _without_message(record.exc_info[1])  # formatters take it as it is
        record.exc_info = None
    return record


def _without_message(error: BaseException | None) -> str:
    """The error and all that led to it, the first cause first."""
    parts: list[str] = []
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{type(error).__name__}")
        error = error.__cause__ or error.__context__
    return "\n".join(reversed(parts))


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_type is not SystemExit and sys.stderr is not None:
        name = ended.thread.name if ended.thread else "unknown"
        log.error("Thread %s ended with\n%s", name, _without_message(ended.exc_value))
