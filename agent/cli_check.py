"""``accredit check``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from accredit.agent import cli_options


@click.command()
@cli_options.config
def check(config: Path | None) -> None:
    """Check configuration and entries without starting anything."""
    from accredit.agent.config import load_config  # noqa: PLC0415  pydantic only where it is used
    from accredit.agent.doubts import doubts  # noqa: PLC0415

    path = cli_options.config_path(config)
    plan = load_config(path).plan(path)
    if plan.endpoint:
        from accredit.agent.bundle_endpoint.certificate_files import check_files  # noqa: PLC0415

        check_files(plan.endpoint, datetime.now(UTC))
    entries = plan.entry_files.read()
    for doubt in doubts(plan, entries):
        click.echo(f"warning: {doubt}", err=True)
    click.echo(f"{path}: {plan.trust_domain}, entries: {len(entries)}")
