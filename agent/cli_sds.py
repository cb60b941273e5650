"""``accredit sds``: a client of any Envoy SDS server, this agent's or another's."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from accredit.agent import cli_options, table
from accredit.agent.sds_client import Update, updates
from accredit.agent.sds_reading import ReceivedSecret, secret_data, secrets_text
from accredit.identity.errors import ConfigError
from accredit.workload_api.endpoint import ENDPOINT_VARIABLE, Endpoint, find_endpoint

_Command = Callable[..., Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class _Question:
    """What to ask, where and how."""

    endpoint: Endpoint
    names: tuple[str, ...]
    node_id: str
    delta: bool

    def ask(self) -> AbstractAsyncContextManager[AsyncGenerator[Update, None]]:
        return aclosing(updates(self.endpoint, self.names, self.node_id, delta=self.delta))


def _asking(command: _Command) -> Callable[..., None]:
    """Give a command its question, and the options it is made of."""

    @click.argument("names", nargs=-1)
    @click.option(
        "--socket",
        metavar="ADDRESS",
        help=f"Where SDS is served, such as unix:///run/api.sock. Default: ${ENDPOINT_VARIABLE}.",
    )
    @click.option("--delta", is_flag=True, help="Ask by DeltaSecrets, not StreamSecrets.")
    @click.option(
        "--node-id", default="accredit-sds", show_default=True, help="What to call ourselves."
    )
    @cli_options.output
    @wraps(command)
    def run(
        socket: str | None, names: tuple[str, ...], node_id: str, *, delta: bool, **options: Any
    ) -> None:
        try:
            endpoint = find_endpoint(socket, os.environ)
        except ConfigError as error:
            raise click.UsageError(str(error)) from None
        asyncio.run(command(_Question(endpoint, names, node_id, delta), **options))

    return run


@click.group()
def sds() -> None:
    """Ask an SDS server for secrets, as an Envoy would. Private keys are never shown.

    NAMES are SPIFFE IDs, trust domain IDs, or special names such as default, ROOTCA and ALL;
    without any, everything this process may have is asked for.
    """


@sds.command()
@click.option(
    "--timeout",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(0, 86400, min_open=True),
    default=10.0,
    show_default=True,
    help="How long to wait for all of them.",
)
@_asking
async def fetch(question: _Question, *, output: str, seconds: float) -> None:
    """Fetch secrets once; fail if one of them does not come."""
    found: dict[str, ReceivedSecret] = {}
    removed: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), question.ask() as messages:
            async for update in messages:
                found |= {secret.name: secret for secret in update.secrets}
                removed += update.removed
                if found.keys() | removed >= set(question.names):
                    break
    _print(found.values(), output)
    _require_all(question.names, found, removed, seconds)


@sds.command()
@click.option("--updates", "count", type=click.IntRange(1), help="End after so many messages.")
@_asking
async def watch(question: _Question, *, output: str, count: int | None) -> None:
    """Print secrets as they come and change, until interrupted; JSON is one line each."""
    seen = 0
    # Interrupting is how this ends, so it is no failure.
    with suppress(asyncio.CancelledError):
        async with question.ask() as messages:
            async for update in messages:
                _print_update(update, output)
                seen += 1
                if seen == count:
                    return


def _print(secrets: Iterable[ReceivedSecret], output: str) -> None:
    found = list(secrets)
    if output == "json":
        click.echo(table.to_json({"secrets": [secret_data(each) for each in found]}))
    elif found:
        click.echo(secrets_text(found))


def _print_update(update: Update, output: str) -> None:
    if output == "json":
        secrets = [secret_data(each) for each in update.secrets]
        click.echo(json.dumps({"secrets": secrets, "removed": list(update.removed)}))
        return
    _print(update.secrets, output)
    for name in update.removed:
        click.echo(f"the server says there will never be {name}", err=True)


def _require_all(
    names: Iterable[str], found: Iterable[str], removed: Iterable[str], seconds: float
) -> None:
    if never := [name for name in names if name in set(removed)]:
        raise click.ClickException(f"the server says there will never be {', '.join(never)}")
    if missing := [name for name in names if name not in set(found)]:
        raise click.ClickException(f"not sent within {seconds:g} s: {', '.join(missing)}")
    if not found:
        raise click.ClickException(f"nothing was sent within {seconds:g} s")
