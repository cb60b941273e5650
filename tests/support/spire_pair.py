"""Caller and server under ``accredit envoy run --profile spire``, with identities from SPIRE."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from support import run_pair
from support.run_pair import RunPair
from support.sidecar_pair import CALLER, SERVER
from support.spire import SpireAgent


@contextlib.contextmanager
def running(
    folder: Path, agent: SpireAgent, app: int, *, ttl: int = 3600, lifetime: str = "30m"
) -> Iterator[RunPair]:
    """Make the entries of both, and run them; they serve when the block starts.

    The ids of the entries end with ``-caller`` and ``-server``, and begin with the folder's name.
    """
    for spiffe_id in (CALLER, SERVER):
        program = f"unix:path:{folder}{spiffe_id.path}/envoy"
        entry_id = folder.name + spiffe_id.path.replace("/", "-")
        agent.create(spiffe_id.path, "-entryID", entry_id, selector=program, ttl=ttl)
    further = ("--profile", "spire")
    with run_pair.running(folder, agent.socket, app, *further, lifetime=lifetime) as pair:
        yield pair
