"""``accredit sds``: a client of any SDS server, this agent's or another's."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import wraps
from typing import Any

import click

from accredit.agent import cli_options, sds_output, table
from accredit.agent.grpcio import be_quiet
from accredit.agent.sds_client import Fetched, SdsClient
from accredit.agent.sds_dialect import Question, Update
from accredit.identity.clock import Clock
from accredit.identity.errors import ConfigError, RequestError, UnimplementedError
from accredit.rotation.clock import SystemClock
from accredit.workload_api.endpoint import ENDPOINT_VARIABLE, find_endpoint

Command = Callable[..., Coroutine[Any, Any, None]]

_TOGETHER = "SPIRE refuses all names of a stream for one of them, and ROOTCA beside ALL"


def _client(command: Command) -> Callable[..., None]:
    """Give a command its client, and the options that make it."""

    @click.argument("names", metavar="[NAME]...", nargs=-1)
    @click.option(
        "--socket",
        metavar="ADDRESS",
        help=f"SDS server, such as unix:///run/api.sock. Default: ${ENDPOINT_VARIABLE}.",
    )
    @click.option(
        "--delta", is_flag=True, help="Ask by DeltaSecrets; SPIRE has StreamSecrets only."
    )
    @click.option(
        "--node-id",
        metavar="ID",
        default="accredit-sds",
        show_default=True,
        help="What to call ourselves; shown by the server, proves nothing.",
    )
    @wraps(command)
    def run(
        names: tuple[str, ...], socket: str | None, node_id: str, *, delta: bool, **options: Any
    ) -> None:
        try:
            endpoint = find_endpoint(socket, os.environ)
        except ConfigError as error:
            raise click.UsageError(str(error)) from None
        be_quiet()
        clock = SystemClock()
        question = Question(tuple(dict.fromkeys(names)), node_id, delta)
        try:
            client = SdsClient(endpoint, clock, question)
            asyncio.run(command(client, clock=clock, **options))
        except UnimplementedError as error:
            if not delta:
                raise
            raise UnimplementedError(f"{error}; ask without --delta") from None
        except RequestError as error:
            if len(question.names) < 2:
                raise
            raise RequestError(f"{error}; watch each by itself: {_TOGETHER}") from None
        finally:
            clock.close()

    return run


@click.group()
def sds() -> None:
    """Ask an SDS server, as an Envoy of this user would.

    A NAME is a SPIFFE ID, "default" or "hint:..." for a certificate; the ID of a trust domain, or
    several with commas, ROOTCA or ALL for a validation context; "jwt:..." for a JWT-SVID to that
    audience. Without a NAME: all this process may have but tokens. Private keys and tokens come
    too, and are never shown.
    """


@sds.command()
@click.option(
    "--timeout",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(0, 86400, min_open=True),
    default=5.0,
    show_default=True,
    help="How long to wait for all of them.",
)
@cli_options.output
@_client
async def fetch(
    client: SdsClient,
    *,
    clock: Clock,  # noqa: ARG001  what every command gets
    seconds: float,
    output: str,
) -> None:
    """Fetch secrets once; fail unless all of them come."""
    fetched = await client.fetch(timedelta(seconds=seconds))
    parts = (fetched.secrets.values(), fetched.removed, fetched.missing)
    if output == "json":
        click.echo(table.to_json(sds_output.fetched_data(*parts)))
    else:
        click.echo(sds_output.fetched_text(*parts))
    for problem in fetched.problems:
        click.echo(sds_output.printable(problem), err=True)
    _require_all(fetched, seconds)


@sds.command()
@click.option("--updates", type=click.IntRange(1), help="End after so many updates.")
@cli_options.output
@_client
async def watch(client: SdsClient, *, clock: Clock, updates: int | None, output: str) -> None:
    """Print secrets as they come and change until interrupted.

    With --output json, each update is one line.
    """
    # Interrupting is how this ends, so it is no failure.
    with suppress(asyncio.CancelledError):
        seen = 0
        async with aclosing(client.watch()) as messages:
            async for update in messages:
                _show(update, clock, json_lines=output == "json")
                seen += not update.problem
                if seen == updates:
                    return


def _show(update: Update, clock: Clock, *, json_lines: bool) -> None:
    if json_lines:
        click.echo(json.dumps(sds_output.update_data(update, clock.now())))
    elif update.problem:
        click.echo(sds_output.printable(update.problem), err=True)
    elif update.secrets or update.removed:
        click.echo(sds_output.update_text(update, clock.now()))


def _require_all(fetched: Fetched, seconds: float) -> None:
    if fetched.complete and not fetched.removed:
        return
    reasons = []
    if fetched.removed:
        reasons.append(f"the server says there will never be {', '.join(fetched.removed)}")
    if fetched.refused:
        reasons.append(f"refused: {', '.join(fetched.refused)}")
    silent = [name for name in fetched.missing if name not in fetched.refused]
    if silent or not fetched.names:
        reasons.append(f"not sent within {seconds:g} s: {', '.join(silent) or 'anything'}")
    raise click.ClickException(sds_output.printable("; ".join(reasons)))
