"""What Envoy says when it fails, cut to what a person can act on."""

from __future__ import annotations

import signal

import pytest

from accredit.envoy.supervise import words

_PLACE = "[2026-11-27 16:48:22.257][11138][critical][main] [source/server/server.cc:76] "
_ERROR = "error initializing configuration '/r/validate.json': "


def test_the_version_is_the_number_in_what_envoy_says() -> None:
    text = "/usr/bin/envoy  version: 9e558093/1.40.0/Clean/RELEASE/BoringSSL\n"
    assert words.version(text) == "1.40.0"
    assert words.version("what?") == "unknown"


def test_a_refusal_is_the_reason_without_where_and_when() -> None:
    text = f"{_PLACE}{_ERROR}route: unknown cluster 'nope'\n"
    assert words.refusal(text) == "route: unknown cluster 'nope'"


def test_colours_are_taken_out() -> None:
    text = f"\x1b[31m{_PLACE}\x1b[0m{_ERROR}bad\n"
    assert words.refusal(text) == "bad"


def test_a_broken_constraint_names_the_field_and_not_the_bootstrap_around_it() -> None:
    text = (
        f"{_ERROR}node {{\n  id: 'x'\n}}\n: Proto constraint validation failed "
        "(BootstrapValidationError.StaticResources: embedded message failed validation | caused by "
        "StaticResourcesValidationError.Listeners[0]: embedded message failed validation | caused "
        "by SocketAddressValidationError.PortValue: value must be less than or equal to 65535)\n"
    )
    reason = "StaticResources.Listeners[0].PortValue: value must be less than or equal to 65535"
    assert words.refusal(text) == reason
    assert words.last_words(text.splitlines()) == reason


def test_a_refusal_is_bounded_and_printable() -> None:
    assert len(words.refusal("x" * 10000)) < 600
    assert words.refusal("a\x00b") == "a b"


def test_silence_is_told_as_such() -> None:
    assert words.refusal("\n\n") == "it said nothing"
    assert words.last_words(["", "\n"]) == ""


def test_the_last_words_are_the_bare_line_after_the_log() -> None:
    lines = [f"{_PLACE}error `cannot bind`", "cannot bind '127.0.0.1:1': in use", ""]
    assert words.last_words(lines) == "cannot bind '127.0.0.1:1': in use"


def test_else_the_last_loud_line_is_meant() -> None:
    lines = [f"{_PLACE}out of memory", _PLACE.replace("critical", "info") + "exiting"]
    assert words.last_words(lines) == "out of memory"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "ended with exit code 0"),
        (1, "ended with exit code 1"),
        (-signal.SIGSEGV, "crashed (SIGSEGV)"),
        (-signal.SIGKILL, "was killed (SIGKILL)"),
        (-200, "was killed (signal 200)"),
    ],
)
def test_an_end_is_told_in_words(code: int, said: str) -> None:
    assert words.ending(code) == said
