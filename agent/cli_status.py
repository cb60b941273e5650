"""``accredit status``."""

from __future__ import annotations

from pathlib import Path

import click

from accredit.agent import cli_options, status_text, table
from accredit.agent.admin_client import ask


@click.command()
@cli_options.admin
@cli_options.output
def status(config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Show how a running agent is doing: its SVIDs, its Envoys, what was refused."""
    found = ask(cli_options.admin_path(config, admin_socket), "status")
    click.echo(table.to_json(found) if output == "json" else status_text.status_text(found))
