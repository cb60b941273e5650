"""``accredit file watch``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from accredit.agent import cli_file_options


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@cli_file_options.config
@cli_file_options.socket
def watch(file: Path | None, config: Path | None, socket: str | None) -> None:
    """Keep the files of the outputs in FILE fresh, and their programs told, until SIGTERM.

    SIGHUP reads the file again. FILE may be spiffe-helper's helper.conf.
    """
    path = file or config
    if path is None or (file and config):
        raise click.UsageError("needs one file: -c FILE, or FILE")
    from accredit.agent.file_watch_process import main  # noqa: PLC0415  the daemon's imports

    sys.exit(main(path, socket))
