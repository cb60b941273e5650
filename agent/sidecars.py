"""Sidecar files as this machine reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from accredit.agent import places
from accredit.envoy.file.context import Surroundings
from accredit.envoy.sidecar import Profile, Sidecar
from accredit.envoy.sidecar_file import read as read_file
from accredit.identity.durations import format_duration
from accredit.rotation.clock import SystemClock

F = TypeVar("F", bound=Callable[..., Any])

_SPIRE_SOCKET = "/tmp/spire-agent/public/api.sock"  # noqa: S108  where SPIRE Agent is by default


def profile(command: F) -> F:
    """Give ``command`` the option that says whose SDS is asked."""
    return click.option(
        "--profile",
        type=click.Choice([each.value for each in Profile]),
        callback=lambda _, __, value: Profile(value),
        default=Profile.ACCREDIT.value,
        show_default=True,
        help="Whose socket it is: accredit's, or a SPIRE Agent's.",
    )(command)


def read(path: Path, of: Profile = Profile.ACCREDIT) -> Sidecar:
    """Return the sidecar that a file describes.

    Raises:
        ConfigError: every mistake in it.
    """
    with closing(SystemClock()) as clock:
        return read_file(path, _surroundings(of, clock.now().date()))


def read_outdated(path: Path) -> Sidecar:
    """Return the same of a file whose migration may be over.

    Raises:
        ConfigError: every other mistake in it.
    """
    return read_file(path, _surroundings(Profile.ACCREDIT, None))


def warnings(sidecar: Sidecar) -> Iterator[str]:
    """Yield what its operator should know."""
    if sidecar.lifetime > sidecar.svid_ttl:
        yield (
            f"connections live for {format_duration(sidecar.lifetime)}, longer than SVIDs"
            f" ({format_duration(sidecar.svid_ttl)}): a withdrawn identity lives on in them"
        )
    for place, each in enumerate(sidecar.inbound):
        if each.until is not None:
            yield (
                f"inbound[{place}] ({each.listen}) serves plaintext to everybody until"
                f" {each.until}; 'accredit envoy plaintext' lists who still needs it"
            )
            if not each.protocol.is_http:
                yield (
                    f"inbound[{place}] ({each.listen}): plaintext callers that wait for the app to"
                    " speak first, as in MySQL or SMTP, hear it after two seconds"
                )


def _surroundings(of: Profile, today: date | None) -> Surroundings:
    socket = _SPIRE_SOCKET if of is Profile.SPIRE else _agent_socket()
    return Surroundings(of, socket, _runtime_dir(), today)


def _agent_socket() -> str:
    with suppress(ValueError):
        return str(places.socket())
    return ""


def _runtime_dir() -> str:
    if os.geteuid() == 0:
        return "/run"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return runtime if runtime.startswith("/") else ""
