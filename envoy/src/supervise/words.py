"""What Envoy says when it fails, cut to what a person can act on. Pure."""

from __future__ import annotations

import re
import signal

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PREFIX = re.compile(r"\[\d{4}-\d\d-\d\d [0-9:.]+\](?:\[[^\]]*\])* ?(?:\[[^\]]*:\d+\] )?")
_WHERE = re.compile(r"error (?:`|initializing configuration '[^']*': )")
_CONSTRAINT = re.compile(r": Proto constraint validation failed \((?P<why>.*)\)", re.DOTALL)
_VERSION = re.compile(r"version: [0-9a-f]+/(?P<version>[0-9][0-9A-Za-z.-]*)/")
_MAX = 500


def version(text: str) -> str:
    """Return the number in what ``envoy --version`` prints, or ``unknown``."""
    found = _VERSION.search(text)
    return found["version"] if found else "unknown"


def refusal(stderr: str) -> str:
    """Return why validate mode refused a bootstrap, without the bootstrap that it quotes."""
    text = _PREFIX.sub("", _COLOUR.sub("", stderr)).strip()
    if constraint := _CONSTRAINT.search(text):
        return _cut(_innermost(constraint["why"]))
    text = text[found.end() :] if (found := _WHERE.search(text)) else text
    return _cut(next((line for line in text.splitlines() if line.strip()), "it said nothing"))


def last_words(lines: list[str]) -> str:
    """Return the line of the last ones on stderr that most likely says why Envoy ended."""
    plain = [line for each in lines if (line := _COLOUR.sub("", each).strip())]
    if constraint := _CONSTRAINT.search("\n".join(plain)):
        return _cut(_innermost(constraint["why"]))
    # What made it give up comes last and bare, after the log.
    if plain and not _PREFIX.match(plain[-1]):
        return _cut(plain[-1])
    loud = [line for line in plain if "][critical]" in line or "][error]" in line]
    return _cut(_PREFIX.sub("", (loud or plain or [""])[-1]))


def ending(code: int) -> str:
    """Return in words how a process ended, from its return code as subprocess gives it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    crash = -code in {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
    return f"crashed ({name})" if crash else f"was killed ({name})"


def _innermost(why: str) -> str:
    """Return the path of the field and what is wrong with it, without the levels between."""
    parts = [part.strip() for part in why.split(" | caused by ")]
    fields = [part.split("ValidationError.", 1)[-1].split(":", 1) for part in parts]
    path = ".".join(field[0] for field in fields)
    return f"{path}: {fields[-1][-1].strip()}"


def _cut(text: str) -> str:
    clean = "".join(each if each.isprintable() else " " for each in text)
    clean = " ".join(clean.split())
    return clean if len(clean) <= _MAX else clean[:_MAX] + "..."
