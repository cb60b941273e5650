"""``accredit bundle``: the trust bundles of a running agent."""

from __future__ import annotations

from pathlib import Path

import click

from accredit.agent import cli_options
from accredit.agent.admin_client import ask


@click.group()
def bundle() -> None:
    """Show whom to believe."""


@bundle.command()
@click.argument("trust_domain", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["spiffe", "pem"]),
    default="spiffe",
    show_default=True,
    help="A SPIFFE bundle document, or the X.509 roots alone.",
)
@cli_options.admin
def show(
    trust_domain: str | None, form: str, config: Path | None, admin_socket: Path | None
) -> None:
    """Print the bundle of TRUST_DOMAIN, or of the agent's own."""
    path = cli_options.admin_path(config, admin_socket)
    click.echo(ask(path, "bundle", trust_domain=trust_domain, format=form).rstrip("\n"))
