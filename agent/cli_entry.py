"""``accredit entry``: the registration entries of a running agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from accredit.agent import cli_options, table
from accredit.agent.admin_client import ask
from accredit.agent.explanation_text import explanation_text
from accredit.agent.plan_file import documents
from accredit.agent.planning_text import may_lose, planning_text

# A look at every process takes a while.
_PATIENCE = 60


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
        headings = (
            "SPIFFE ID",
            "SELECTORS",
            "WEAKEST TRUST",
            "TTL",
            "HINT",
            "DEFAULT",
            "REVOKED",
            "FROM",
        )
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


@entry.command()
@click.argument("pid", type=click.IntRange(min=1), required=False)
@click.option("--image", metavar="NAME", help="Processes in containers of this image.")
@click.option("--unit", metavar="NAME", help="Processes of this systemd unit.")
@click.option("--selector", "selectors", multiple=True, metavar="TYPE:VALUE", help="Repeatable.")
@click.option("--near", default=5, show_default=True, help="Entries that do not match, to show.")
@cli_options.admin
@cli_options.output
def explain(  # noqa: PLR0913  one for each option
    pid: int | None,
    *,
    image: str | None,
    unit: str | None,
    selectors: tuple[str, ...],
    near: int,
    config: Path | None,
    admin_socket: Path | None,
    output: str,
) -> None:
    """Tell why process PID, or those that are meant, have these identities and not others."""
    having = {"image": image, "unit": unit, "selectors": list(selectors)}
    meant = {name: value for name, value in having.items() if value}
    if (pid is None) == (not meant):
        raise click.UsageError("give either PID, or --image, --unit and --selector")
    asked: dict[str, Any] = {"pid": pid} if pid else meant
    path = cli_options.admin_path(config, admin_socket)
    found = ask(path, "entry.explain", timeout=_PATIENCE, near=near, **asked)
    click.echo(table.to_json(found) if output == "json" else explanation_text(found))


@entry.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--all-processes", is_flag=True, help="Look at those not connected, too.")
@click.option(
    "--fail-on-loss",
    is_flag=True,
    help="Exit with 1 if anybody loses an identity, or could not be looked at.",
)
@cli_options.admin
@cli_options.output
@click.pass_context
def plan(  # noqa: PLR0913  one for each option
    ctx: click.Context,
    file: Path,
    *,
    all_processes: bool,
    fail_on_loss: bool,
    config: Path | None,
    admin_socket: Path | None,
    output: str,
) -> None:
    """Tell who would gain or lose which identity if FILE took the place of the present entries.

    FILE is a configuration, with the folder of entries it names, or a file of entries. Nothing is
    changed by this.
    """
    meant = documents(file)
    path = cli_options.admin_path(config, admin_socket)
    found = ask(path, "entry.plan", timeout=_PATIENCE, all_processes=all_processes, **meant)
    click.echo(table.to_json(found) if output == "json" else planning_text(found))
    if fail_on_loss and may_lose(found):
        ctx.exit(1)


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    default = "yes" if each["default"] else ""
    revoked = "yes" if each["revoked"] else ""
    selectors = " ".join(each["selectors"])
    trust, ttl = each["trust"]["weakest"], each["ttl"]
    return each["id"], selectors, trust, ttl, each["hint"], default, revoked, each["source"]


def _facts(each: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, _shown(value)) for name, value in each.items() if value not in ("", [], False)]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return "yes" if value is True else str(value)
