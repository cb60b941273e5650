"""Log lines: one record a line, facts kept, secrets not."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from accredit.agent import logs
from accredit.identity.keys import KeyType, generate, to_pkcs8_der, to_pkcs8_pem

_PEM = to_pkcs8_pem(generate(KeyType.EC_P256)).decode()
_SECRET_LINE = _PEM.splitlines()[1]
_logger = logging.getLogger("accredit.test")


@contextmanager
def logged(line_format: logs.Format, level: str = "info") -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, before_level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.setup(level, line_format, stream)
    try:
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(before_level)
        logging.captureWarnings(capture=False)


def test_a_json_line_holds_time_level_logger_message_and_facts() -> None:
    with logged("json") as stream:
        _logger.info("caller refused", extra={"uid": 7, "selectors": frozenset({"b", "a"})})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "accredit.test",
        "message": "caller refused",
        "uid": 7,
        "selectors": ["a", "b"],
    }


def test_a_text_line_holds_the_same() -> None:
    with logged("text") as stream:
        _logger.warning("caller refused", extra={"uid": 7, "error": "it has died"})
    _, rest = stream.getvalue().split(" ", 1)
    assert rest == 'WARNING accredit.test: caller refused uid=7 error="it has died"\n'


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11"])
def test_that_we_ask_somebody_over_http_is_no_news(name: str) -> None:
    with logged("json", "debug") as stream:
        logging.getLogger(name).info("HTTP Request: GET http://localhost/containers/x/json")
    assert not stream.getvalue()


def test_lines_below_the_level_are_not_written() -> None:
    with logged("text", level="warning") as stream:
        _logger.info("nobody reads this")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("line_format", ["json", "text"])
def test_text_of_others_cannot_begin_a_line_of_its_own(line_format: logs.Format) -> None:
    forged = "x\n2026-01-01T00:00:00.000Z ERROR accredit: forged\x1b[2J"
    with logged(line_format) as stream:
        _logger.info("asked for %s", forged, extra={"name_asked": forged})
        _logger.error("failed", exc_info=ValueError(forged))
    text = stream.getvalue()
    assert "\n2026-01-01T" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("line_format", ["json", "text"])
def test_a_key_is_masked_in_message_argument_fact_and_exception(line_format: logs.Format) -> None:
    with logged(line_format) as stream:
        _logger.info("made " + _PEM)  # noqa: G003
        _logger.info("made %s", _PEM)
        _logger.info("made", extra={"key": _PEM, "keys": [_PEM, {"inner": _PEM}]})
        error = ValueError(_PEM)
        error.__cause__ = KeyError(_PEM)
        _logger.error("failed", exc_info=error, stack_info=True)
    text = stream.getvalue()
    assert _SECRET_LINE not in text
    assert text.count("[redacted]") >= 6


def test_bytes_are_only_counted() -> None:
    der = to_pkcs8_der(generate(KeyType.EC_P256))
    with logged("json") as stream:
        _logger.info("made", extra={"key": der})
    assert json.loads(stream.getvalue())["key"] == f"<{len(der)} bytes>"


def test_python_warnings_become_log_lines() -> None:
    with logged("json") as stream:
        logging.getLogger("py.warnings").warning("old")
    assert json.loads(stream.getvalue())["message"] == "old"
