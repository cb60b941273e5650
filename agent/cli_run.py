"""``accredit run``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from accredit.agent import cli_options


@click.command()
@cli_options.config
def run(config: Path | None) -> None:
    """Run the agent until SIGTERM; SIGHUP reads entries and federation again."""
    from accredit.agent.process import main  # noqa: PLC0415  the daemon's imports are its own

    sys.exit(main(cli_options.config_path(config)))
