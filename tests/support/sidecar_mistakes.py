"""Mistakes planted into valid sidecar files, for Hypothesis."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from support.sidecar_yaml import Key, name

# What no field takes, whatever it is for.
_NEVER: tuple[Any, ...] = (
    "",
    " ",
    "\x07",
    "\x1b[2J",
    "a\nsidecar: {}",
    "\u202e",
    "\u2028",
    "\x00",
    10**99,
    -1,
    1e300,
    [[]],
    [None],
    {"x": 1},
    [{"x": {}}],
)
# Each looks like something that the field takes.
_LOOKALIKES: dict[str, tuple[Any, ...]] = {
    "listen": (
        "\uff10.0.0.0:8443",
        "127.0.0.1:\uff18443",
        "127.0.0.1:65536",
        "1.2.3:80",
        "[::1]",
        8443,
    ),
    "app": ("127.0.0.1:0", "unix:relative", "unix:/run/\u200bapp", "unix:/run/"),
    "to": (
        "payments.internal",
        "\u0440\u0430yments.internal:8443",
        "a b:1",
        "[::ffff:10.0.0.5]:80",
    ),
    "allow": ("spiffe://*", "sp\u0456ffe://own.example/a", "spiffe://own.example", "/a//b", "/*/b"),
    "expect": ("*", "spiffe://OWN.example/a", "spiffe://own.example/a?b", "/../a"),
    "protocol": ("HTTP", "http3", True),
    "mode": ("Permissive", "off"),
    "until": ("2026-02-30", "31.12.2026", 20261231),
    "min_tls": ("1.1", 1.1, 1, "TLSv1_3"),
    "retries": ("3", 11, 1.5, True),
    "remote_apps": ("yes", 1),
    "forward": ("true", "on"),
    "svid_ttl": ("1 h", "0s", "\uff11h", 3600),
    "paths": ("reports/*", "/a?b", "/a/../b", "/a;b", "/a*", "/\U0001f600"),
    "methods": ("get", "GE T", "G" * 33),
    "users": ("a;b", "-x", "root\n"),
    "cgroups": ("a/../b", "a b", "/"),
    "trust_domain": ("Own.example", "spiffe://own.example/a", "own example"),
    "name": ("web app", "-web", "w\u00e9b", "../web"),
}


@dataclass(frozen=True)
class Planted:
    """``key`` is where it must be told; ``word`` stands in what is told."""

    key: Key
    word: str = ""


@st.composite
def spoilt(draw: st.DrawFn, data: dict[str, Any]) -> tuple[dict[str, Any], list[Planted]]:
    """Return ``data`` with up to four mistakes, none within another."""
    data = deepcopy(data)
    planted: list[Planted] = []
    for _ in range(draw(st.integers(1, 4))):
        key = draw(st.sampled_from([key for key in _keys(data) if len(key) > 1]))
        if not any(_near(key, each.key) for each in planted):
            planted.append(draw(_plant(data, key)))
    return data, planted


def _near(one: Key, other: Key) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _keys(node: Any, key: Key = ()) -> list[Key]:
    if not isinstance(node, dict | list):
        return [key]
    items = node.items() if isinstance(node, dict) else enumerate(node)
    below = [each for step, item in items for each in _keys(item, (*key, step))]
    return below if not key else [key, *below]


@st.composite
def _plant(draw: st.DrawFn, data: dict[str, Any], key: Key) -> Planted:
    *way, last = key
    place: Any = data
    for step in way:
        place = place[step]
    if isinstance(last, str) and draw(st.booleans()):
        return _misspell(place, key, draw(st.sampled_from(["x", "\u0455", "\x1b", " "])))
    word = next(step for step in reversed(key) if isinstance(step, str))
    place[last] = draw(st.sampled_from((*_NEVER, None, *_LOOKALIKES.get(word, ()))))
    return Planted(key)


def _misspell(place: dict[str, Any], key: Key, by: str) -> Planted:
    *way, last = key
    kept = {f"{each}{by}" if each == last else each: value for each, value in place.items()}
    place.clear()
    place.update(kept)
    return Planted((*way, f"{last}{by}"), "unknown key")


def tells(shown: str, planted: Planted) -> bool:
    """Tell whether a mistake shown there can be about what was planted: at it, or within it."""
    want = name(planted.key)
    return shown == want or shown.startswith((f"{want}.", f"{want}["))
