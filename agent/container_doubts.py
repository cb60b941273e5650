"""Daemons that cannot be asked about containers, and entries for containers nobody asks about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from accredit.attestation.containers.runtime import Runtime, Runtimes
from accredit.authority.entry_template import Declared, wants
from accredit.identity.selector import Selector


def of_runtimes(runtimes: Runtimes) -> Iterator[str]:
    """Yield one line for each daemon that cannot be asked just now."""
    asked = [each for each in (runtimes.docker, runtimes.podman) if each]
    for runtime in asked:
        if doubt := _unusable(runtime.socket):
            yield f"attestation.{runtime.name}: {doubt}"
    if asked and find_spec("httpx") is None:
        yield "attestation: asking about containers takes: pip install 'accredit[containers]'"


def _unusable(socket: Path) -> str | None:
    try:
        if not socket.is_socket():
            return f"there is no socket {socket}: its containers have no selectors until there is"
    except PermissionError:
        pass  # in a folder that we may not enter
    if os.access(socket, os.W_OK):
        return None
    return (
        f"uid {os.geteuid()} may not use {socket}: run the agent as root, or in the group that may"
    )


def of_containers(entry: Declared, runtimes: Runtimes) -> Iterator[str]:
    """Yield one line for each selector of ``entry`` that no container could have."""
    for wanted, selector in wants(entry):
        setting = _missing(selector, runtimes)
        if setting is not None:
            yield f"{entry.source}: {wanted} never holds unless {setting}"


def _missing(selector: Selector, runtimes: Runtimes) -> str | None:
    kind = selector.value.split(":")
    if selector.type == "docker":
        asked = [each for each in (runtimes.docker, runtimes.podman) if each]
        if not asked:
            return "attestation.docker or attestation.podman is there"
        return _env(asked) if kind[0] == "env" else None
    if selector.type == "podman-user":
        if runtimes.users is None:
            return "attestation.podman.users is true"
        return _env([runtimes.users]) if "env" in kind[1:2] else None
    return None


def _env(asked: list[Runtime]) -> str | None:
    if any(runtime.env for runtime in asked):
        return None
    return f"attestation.{asked[0].name}.env is true"
