"""``accredit bundle``: the trust bundles of a running agent."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from accredit.agent import cli_options, table
from accredit.agent.admin_client import ask
from accredit.agent.federation_text import relationships_text

_MOST_BYTES = 1 << 20  # the admin socket takes less, and says so


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
@click.option(
    "--all", "every", is_flag=True, help="All bundles the agent has, as a SPIFFE bundle map."
)
@cli_options.admin
def show(
    *,
    trust_domain: str | None,
    form: str,
    every: bool,
    config: Path | None,
    admin_socket: Path | None,
) -> None:
    """Print the bundle of TRUST_DOMAIN, or of the agent's own."""
    if every and (trust_domain or form != "spiffe"):
        raise click.UsageError("--all goes with no TRUST_DOMAIN and no --format")
    path = cli_options.admin_path(config, admin_socket)
    if every:
        click.echo(ask(path, "bundle.map"))
        return
    click.echo(ask(path, "bundle", trust_domain=trust_domain, format=form).rstrip("\n"))


@bundle.command(name="list")
@cli_options.admin
@cli_options.output
def list_(config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Print with whom the agent federates, what it holds of them, and how fetching goes."""
    found = ask(cli_options.admin_path(config, admin_socket), "bundle.list")
    click.echo(table.to_json(found) if output == "json" else relationships_text(found))


@bundle.command(name="set")
@click.argument("trust_domain")
@click.argument("file", type=click.File("rb"))
@cli_options.admin
def set_(trust_domain: str, file: BinaryIO, config: Path | None, admin_socket: Path | None) -> None:
    """Take FILE (- for standard input) as the bundle of TRUST_DOMAIN until a fetch succeeds.

    FILE is a SPIFFE bundle document or map, or X.509 roots in PEM. A fetch begins at once.
    """
    path = cli_options.admin_path(config, admin_socket)
    text = file.read(_MOST_BYTES).decode(errors="replace")
    for warning in ask(path, "bundle.set", trust_domain=trust_domain, text=text)["warnings"]:
        click.echo(warning, err=True)


@bundle.command()
@click.argument("trust_domain")
@cli_options.admin
def delete(trust_domain: str, config: Path | None, admin_socket: Path | None) -> None:
    """Forget the bundle of TRUST_DOMAIN; begin with its bootstrap bundle again.

    To end a relationship, take it out of the configuration.
    """
    path = cli_options.admin_path(config, admin_socket)
    ask(path, "bundle.delete", trust_domain=trust_domain)
