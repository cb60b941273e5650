"""``accredit check``."""

from __future__ import annotations

from pathlib import Path

import click

from accredit.agent import cli_options, places


@click.command()
@cli_options.config
def check(config: Path | None) -> None:
    """Check configuration and entries without starting anything."""
    from accredit.agent.config import load_config  # noqa: PLC0415  pydantic only where it is used
    from accredit.agent.doubts import doubts  # noqa: PLC0415

    path = config or places.config_file()
    loaded = load_config(path)
    for doubt in doubts(loaded.config, loaded.entries):
        click.echo(f"warning: {doubt}", err=True)
    count = len(loaded.entries)
    click.echo(f"{path}: {loaded.config.trust_domain}, {count} entr{'y' if count == 1 else 'ies'}")
