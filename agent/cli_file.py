"""``accredit file``: identities as files, from any SPIFFE agent."""

from __future__ import annotations

import click

from accredit.agent.lazy_group import LazyGroup

_COMMANDS = {
    "once": "accredit.agent.cli_file_once",
    "watch": "accredit.agent.cli_file_watch",
    "convert": "accredit.agent.cli_file_convert",
    "snippet": "accredit.agent.cli_file_snippet",
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def file() -> None:
    """Give programs that read files their identity, from any SPIFFE agent's Workload API."""
