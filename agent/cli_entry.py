"""``accredit entry``: the registration entries of a running agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from accredit.agent import cli_options, table
from accredit.agent.admin_client import ask


@click.group()
def entry() -> None:
    """Show who may have which identity."""


@entry.command("list")
@cli_options.admin
@cli_options.output
def list_entries(config: Path | None, admin_socket: Path | None, output: str) -> None:
    """List all entries, in the order of the files."""
    found = ask(cli_options.admin_path(config, admin_socket), "entries")
    if output == "json":
        click.echo(table.to_json(found))
    else:
        headings = ("SPIFFE ID", "SELECTORS", "TTL", "HINT", "DEFAULT", "FROM")
        click.echo(table.render(headings, [_row(each) for each in found]))


@entry.command()
@click.argument("name")
@cli_options.admin
@cli_options.output
def show(name: str, config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Show every entry with NAME as its entry id, SPIFFE ID or path."""
    found = ask(cli_options.admin_path(config, admin_socket), "entry", name=name)
    if output == "json":
        click.echo(table.to_json(found))
    else:
        click.echo("\n\n".join(table.facts(_facts(each)) for each in found))


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    default = "yes" if each["default"] else ""
    selectors = " ".join(each["selectors"])
    return each["id"], selectors, each["ttl"], each["hint"], default, each["source"]


def _facts(each: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, _shown(value)) for name, value in each.items() if value not in ("", [], False)]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "yes" if value is True else str(value)
