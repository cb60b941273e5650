"""``accredit revoke``: take identities back before they end."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from accredit.agent import cli_options, table
from accredit.agent.admin_client import ask
from accredit.agent.revocation_text import lists_text, revoked_text

_MOST_BYTES = 1 << 20


@click.group()
def revoke() -> None:
    """Take SVIDs and entries back before they end, and see what was taken back."""


@revoke.command()
@click.argument("serial", required=False)
@click.option("--file", type=click.File("rb"), help="The certificate in PEM; - is standard input.")
@cli_options.admin
@cli_options.output
def svid(
    *,
    serial: str | None,
    file: BinaryIO | None,
    config: Path | None,
    admin_socket: Path | None,
    output: str,
) -> None:
    """Revoke the X.509-SVID with SERIAL, in hexadecimal digits; its holder gets another at once."""
    if (serial is None) == (file is None):
        raise click.UsageError("give SERIAL or --file, one of them")
    path = cli_options.admin_path(config, admin_socket)
    if file is not None:
        text = file.read(_MOST_BYTES).decode(errors="replace")
        answer = ask(path, "revoke.svid", certificate=text)
    else:
        answer = ask(path, "revoke.svid", serial=serial)
    click.echo(table.to_json(answer) if output == "json" else revoked_text(answer))


@revoke.command()
@click.argument("name")
@cli_options.admin
@cli_options.output
def entry(name: str, config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Revoke every entry with NAME as its entry id, SPIFFE ID or path, and all its SVIDs.

    It is as if the entry were not in the files, until: accredit revoke lift. One that was removed
    from them, or changed, is revoked too while an SVID of it has not ended.
    """
    answer = ask(cli_options.admin_path(config, admin_socket), "revoke.entry", name=name)
    click.echo(table.to_json(answer) if output == "json" else revoked_text(answer))


@revoke.command()
@click.argument("name")
@cli_options.admin
@cli_options.output
def lift(name: str, config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Let the revoked entry with NAME as its entry id, SPIFFE ID or path be in force again.

    SVIDs that were revoked with it stay revoked; whoever is entitled gets new ones.
    """
    answer = ask(cli_options.admin_path(config, admin_socket), "revoke.lift", name=name)
    lifted = "\n".join(f"entry {each} is revoked no more" for each in answer["entries"])
    click.echo(table.to_json(answer) if output == "json" else lifted)


@revoke.command(name="list")
@cli_options.admin
@cli_options.output
def list_(config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Show what is revoked, and the revocation lists that say so."""
    found = ask(cli_options.admin_path(config, admin_socket), "revoke.list")
    click.echo(table.to_json(found) if output == "json" else lists_text(found))


@revoke.command()
@cli_options.admin
def crl(config: Path | None, admin_socket: Path | None) -> None:
    """Print the revocation lists in PEM, one for each root."""
    click.echo(ask(cli_options.admin_path(config, admin_socket), "revoke.crl").rstrip("\n"))
