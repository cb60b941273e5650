"""``accredit file convert``."""

from __future__ import annotations

from pathlib import Path

import click

from accredit.authority.trusted_text import read_trusted


@click.command()
@click.argument("file", metavar="HELPER.CONF", type=click.Path(path_type=Path))
def convert(file: Path) -> None:
    """Print what spiffe-helper's configuration is here, and say what is not the same.

    The result is for accredit file watch -c FILE.
    """
    from accredit.agent import config_file_watch, helper_yaml  # noqa: PLC0415  pydantic

    found = config_file_watch.translated(read_trusted(file), file)
    click.echo(helper_yaml.as_yaml(found), nl=False)
    for note in found.notes:
        if note.lost:
            click.echo(f"{file}: {note.key}: not translated: {note.text}", err=True)
