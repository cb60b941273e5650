"""Log lines, JSON or text, with secrets taken out last of all.

Redaction works on the finished line, so that it makes no difference whether a secret came in
through the message, an argument, an extra or the text of an exception.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, Protocol

from accredit.agent.outlet import Outlet
from accredit.identity.redaction import redact

Format = Literal["json", "text"]

_STDERR = 2

# What every record has; everything beyond it came in through ``extra``.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PLAIN = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@+,*()[]{}<>#%&!?;|~^$"
)


class Stream(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Take a line."""
        ...


def to_stderr(level: str, line_format: Format) -> Outlet:
    """Send every log record of the process to stderr, and wait for nobody who reads it.

    Returns what else may write there.

    Raises:
        UnavailableError: no thread can be started.
    """
    formatter = _formatter(line_format)
    outlet = Outlet(_STDERR, lambda count: f"{formatter.format(_loss(count))}\n".encode())
    setup(level, line_format, outlet)
    return outlet


def setup(level: str, line_format: Format, stream: Stream) -> None:
    """Send every log record of the process to ``stream`` in one format."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(line_format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Several lines for each request of ours: nobody's news.
    for talkative in ("httpx", "httpcore"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _formatter(line_format: Format) -> logging.Formatter:
    return JsonLines() if line_format == "json" else TextLines()


def _loss(count: int) -> logging.LogRecord:
    message = "log lines are lost: whoever reads them was too slow, or could not"
    level = logging.WARNING
    about = {"name": __name__, "levelno": level, "levelname": logging.getLevelName(level)}
    return logging.makeLogRecord({**about, "msg": message, "lines": count})


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **dict(_facts(record)),
        }
        if trace := _trace(self, record):
            line["exception"] = redact(trace)
        return redact(json.dumps(line, default=str))


class TextLines(logging.Formatter):
    """``time LEVEL logger: message key=value``; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, and lines of traceback."""
        facts = "".join(f" {key}={_quoted(value)}" for key, value in _facts(record))
        message = _quoted(record.getMessage(), spaces=True)
        line = f"{_time(record)} {record.levelname:<7} {record.name}: {message}{facts}"
        if trace := _trace(self, record):
            # Indented, so that no text of somebody else's can pass for a record of ours.
            line += "".join(f"\n    {_visible(text)}" for text in redact(trace).split("\n"))
        return redact(line)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    for key, value in vars(record).items():
        if key not in _STANDARD:
            yield key, _fact(value)


def _fact(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"  # DER keys look like nothing in particular
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        items = [_fact(item) for item in value]
        return items if isinstance(value, list | tuple) else sorted(map(str, items))
    return redact(str(value))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _quoted(value: object, *, spaces: bool = False) -> str:
    text = str(value)
    plain = _PLAIN | {" ", "'", '"'} if spaces else _PLAIN
    return text if text and plain.issuperset(text) else json.dumps(text)


def _visible(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
