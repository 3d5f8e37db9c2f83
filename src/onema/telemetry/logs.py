"""Structured logs: a constant sentence says what happened, `extra` fields say to what."""

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

from onema.telemetry.printable import printable, printable_json, printable_line
from onema.telemetry.redaction import STANDARD_FIELDS, RedactionFilter, SafeText, safe

LogFormat = Literal["auto", "json", "console"]

_TALKATIVE = ("httpcore", "httpx")
"""Libraries that log what they send and get, at any level below warning: URLs, headers, cookies."""

# Numbers, not text: setting one costs a request 0.1 us, and most requests never log.
request_number: ContextVar[int] = ContextVar("request_number", default=0)
attempt_id: ContextVar[str] = ContextVar("attempt_id", default="")


class ContextFilter(logging.Filter):
    """Adds the request and the attempt in whose course a line was written, and which worker wrote it."""

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = worker

    def filter(self, record: logging.LogRecord) -> bool:
        if self._worker:
            record.worker = self._worker
        number = request_number.get()
        if number:
            record.request = safe(number)
        attempt = attempt_id.get()
        if attempt and not hasattr(record, "attempt"):
            record.attempt = safe(attempt)
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        return printable_json(msgspec.json.encode(line, enc_hook=str).decode())


class ConsoleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f"  {name}={value}" for name, value in _fields(record).items())
        line = printable_line(f"{time} {record.levelname:<7} {record.getMessage()}{fields}")
        return f"{line}\n{printable(record.exc_text)}" if record.exc_text else line


class OnemaHandler(logging.StreamHandler[TextIO]):
    """The handler that `configure_logging` installs."""


def build_handler(log_format: LogFormat, stream: TextIO, worker: int = 0) -> OnemaHandler:
    handler = OnemaHandler(stream)
    handler.addFilter(ContextFilter(worker))
    handler.addFilter(RedactionFilter())
    console = log_format == "console" or (log_format == "auto" and stream.isatty())
    handler.setFormatter(ConsoleFormatter() if console else JsonFormatter())
    return handler


def configure_logging(
    level: str = "info", log_format: LogFormat = "auto", stream: TextIO | None = None, worker: int = 0
) -> None:
    """Send the root logger's records to the stream (stderr), redacted. A second call replaces the first.

    `worker` is the number of this process among several that write there, 0 where it is alone.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, OnemaHandler):
            root.removeHandler(handler)
    root.addHandler(build_handler(log_format, stream or sys.stderr, worker))
    root.setLevel(level.upper())
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: str(value) if isinstance(value, SafeText) else value
        for name, value in vars(record).items()
        if name not in STANDARD_FIELDS
    }
