"""``accredit ca``: the embedded authority of a running agent."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from accredit.agent import cli_options, status_text, table
from accredit.agent.admin_client import ask
from accredit.identity.errors import UnavailableError

_SHORTEST_WAIT = 0.2  # seconds


@click.group()
def ca() -> None:
    """Show and replace the roots and JWT keys of the embedded authority."""


@ca.command()
@cli_options.admin
@cli_options.output
def show(config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Show roots and JWT keys, and what happens to them next."""
    found = ask(cli_options.admin_path(config, admin_socket), "ca.show")
    click.echo(table.to_json(found) if output == "json" else status_text.ca_text(found))


@ca.command()
@click.option("--wait", is_flag=True, help="Return only once the new root and key sign.")
@cli_options.admin
@cli_options.output
def rotate(*, wait: bool, config: Path | None, admin_socket: Path | None, output: str) -> None:
    """Replace root and JWT key: prepare now, sign once everybody can know them."""
    path = cli_options.admin_path(config, admin_socket)
    answer = ask(path, "ca.rotate", timeout=60)
    if not answer["started"]:
        raise UnavailableError(answer["reason"])
    if wait:
        _wait(path)
        answer["next_steps"] = ask(path, "ca.show")["next_steps"]
    click.echo(
        table.to_json(answer) if output == "json" else status_text.steps_text(answer["next_steps"])
    )


def _wait(path: Path) -> None:
    """Return once no forced signer is still waiting to take over."""
    while True:
        found = ask(path, "ca.show")
        waiting = {each["kid"] for each in (*found["roots"], *found["jwt_keys"]) if _waits(each)}
        steps = [each for each in found["next_steps"] if each["kid"] in waiting]
        if not waiting:
            return
        time.sleep(max([_SHORTEST_WAIT, *map(_seconds_until, steps)]))


def _waits(signer: dict[str, Any]) -> bool:
    return bool(signer["forced"]) and signer["state"] == "prepared"


def _seconds_until(step: dict[str, Any]) -> float:
    return (datetime.fromisoformat(step["at"]) - datetime.now(UTC)).total_seconds()
