"""``accredit api``: a client of any SPIFFE Workload API, this agent's or another's."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from accredit.agent import api_files, api_output, cli_options, table
from accredit.agent.client import JWT_BUNDLES, X509_BUNDLES, X509_CONTEXT, Stream, WorkloadApiClient
from accredit.agent.grpcio import be_quiet
from accredit.identity.errors import ConfigError, SpiffeIdError, UnimplementedError
from accredit.identity.spiffe_id import SpiffeId
from accredit.rotation.clock import SystemClock
from accredit.workload_api.endpoint import ENDPOINT_VARIABLE, find_endpoint
from accredit.workload_api.held import Held

T = TypeVar("T")
Command = Callable[..., Coroutine[Any, Any, None]]

_SHOWN: dict[str, tuple[Stream[Any], Callable[[Any], dict[str, object]], Callable[[Any], str]]] = {
    "x509": (X509_CONTEXT, api_output.context_data, api_output.context_text),
    "x509-bundles": (X509_BUNDLES, api_output.x509_bundles_data, api_output.x509_bundles_text),
    "jwt-bundles": (JWT_BUNDLES, api_output.jwt_bundles_data, api_output.jwt_bundles_text),
}
_write = click.option(
    "--write",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write files into DIR instead of printing: keys and tokens for this user alone.",
)


def _spiffe_id(
    ctx: click.Context,  # noqa: ARG001  click's signature
    param: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> SpiffeId | None:
    try:
        return None if value is None else SpiffeId.parse(value)
    except SpiffeIdError as error:
        raise click.BadParameter(str(error)) from None


def _audience(
    ctx: click.Context,  # noqa: ARG001  click's signature
    param: click.Parameter,  # noqa: ARG001
    value: tuple[str, ...] | str,
) -> tuple[str, ...] | str:
    # SPIRE takes an empty one beside others, and calls itself unavailable for one alone.
    if "" in ((value,) if isinstance(value, str) else value):
        raise click.BadParameter("is empty")
    return value


def _client(command: Command) -> Callable[..., None]:
    """Give a command its client, and the options that find the endpoint."""

    @click.option(
        "--socket",
        metavar="ADDRESS",
        help=f"Workload Endpoint, such as unix:///run/api.sock. Default: ${ENDPOINT_VARIABLE}.",
    )
    @click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.FloatRange(0, 86400, min_open=True),
        default=10.0,
        show_default=True,
        help="How long to wait for an answer.",
    )
    @wraps(command)
    def run(socket: str | None, timeout: float, **options: Any) -> None:
        try:
            endpoint = find_endpoint(socket, os.environ)
        except ConfigError as error:
            raise click.UsageError(str(error)) from None
        be_quiet()
        clock = SystemClock()
        try:
            client = WorkloadApiClient(endpoint, clock, timeout=timedelta(seconds=timeout))
            asyncio.run(command(client, **options))
        finally:
            clock.close()

    return run


@click.group()
def api() -> None:
    """Ask a SPIFFE Workload API, as a workload would."""


@api.group()
def fetch() -> None:
    """Fetch once, and print or write what came."""


@fetch.command("x509")
@cli_options.output
@_write
@click.option("--show-keys", is_flag=True, help="Print the private keys too, with --output json.")
@_client
async def fetch_x509(
    client: WorkloadApiClient, *, output: str, folder: Path | None, show_keys: bool
) -> None:
    """Fetch every X.509-SVID of this process, and the bundles to verify its peers."""
    if show_keys and output != "json":
        raise click.UsageError("--show-keys needs --output json")
    context = await client.fetch(X509_CONTEXT)
    if folder is not None:
        _write_files(folder, api_files.context_files(context))
    elif output == "json":
        click.echo(table.to_json(api_output.context_data(context, keys=show_keys)))
    else:
        click.echo(api_output.context_text(context))


@fetch.command("jwt")
@click.option(
    "--audience",
    multiple=True,
    required=True,
    callback=_audience,
    help="Who is to accept the token.",
)
@click.option("--spiffe-id", callback=_spiffe_id, help="One identity; default: all of them.")
@cli_options.output
@_write
@_client
async def fetch_jwt(
    client: WorkloadApiClient,
    *,
    audience: tuple[str, ...],
    spiffe_id: SpiffeId | None,
    output: str,
    folder: Path | None,
) -> None:
    """Fetch JWT-SVIDs. They are secrets until they expire."""
    tokens = await client.tokens(audience, spiffe_id)
    if folder is not None:
        _write_files(folder, api_files.token_files(tokens))
    elif output == "json":
        click.echo(table.to_json(api_output.tokens_data(tokens)))
    else:
        click.echo(api_output.tokens_text(tokens))


@fetch.command("bundles")
@cli_options.output
@_write
@_client
async def fetch_bundles(client: WorkloadApiClient, *, output: str, folder: Path | None) -> None:
    """Fetch the trust bundles, X.509 and JWT, as far as the endpoint has them."""
    x509 = await _if_offered(client.fetch(X509_BUNDLES))
    jwt = await _if_offered(client.fetch(JWT_BUNDLES))
    if x509 is None and jwt is None:
        raise UnimplementedError("the endpoint offers no bundles")
    if folder is not None:
        files = api_files.x509_bundle_files(x509) if x509 else {}
        _write_files(folder, files | (api_files.jwt_bundle_files(jwt) if jwt else {}))
    elif output == "json":
        data = {"x509": api_output.x509_bundles_data(x509) if x509 else None}
        data["jwt"] = api_output.jwt_bundles_data(jwt) if jwt else None
        click.echo(table.to_json(data))
    else:
        parts = [api_output.x509_bundles_text(x509)] if x509 else []
        click.echo("\n\n".join(parts + ([api_output.jwt_bundles_text(jwt)] if jwt else [])))


@api.command("watch")
@click.argument("what", type=click.Choice(list(_SHOWN)), default="x509")
@click.option("--updates", type=click.IntRange(1), help="End after so many updates.")
@cli_options.output
@_client
async def watch(client: WorkloadApiClient, *, what: str, updates: int | None, output: str) -> None:
    """Print the state now and whenever it changes, until interrupted; JSON is one line each."""
    # Interrupting is how this ends, so it is no failure.
    with suppress(asyncio.CancelledError):
        await _watch(client, what, updates, json_lines=output == "json")


@api.command("validate-jwt")
@click.option(
    "--audience", required=True, callback=_audience, help="Who is asked to accept the token."
)
@click.option(
    "--svid-file",
    type=click.File(),
    default="-",
    help="File with the token; default: standard input. Arguments are seen by everyone.",
)
@cli_options.output
@_client
async def validate_jwt(
    client: WorkloadApiClient, *, audience: str, svid_file: TextIO, output: str
) -> None:
    """Ask whether a JWT-SVID is good for an audience, and what it claims."""
    claims = await client.validate(svid_file.read().strip(), audience)
    if output == "json":
        click.echo(table.to_json(api_output.claims_data(claims)))
    else:
        click.echo(api_output.claims_text(claims))


async def _if_offered(answer: Awaitable[T]) -> T | None:
    try:
        return await answer
    except UnimplementedError as error:
        click.echo(str(error), err=True)
        return None


async def _watch(
    client: WorkloadApiClient, what: str, updates: int | None, *, json_lines: bool
) -> None:
    stream, data, text = _SHOWN[what]
    seen = 0
    async with aclosing(client.watch(stream)) as states:
        async for held in states:
            _show(held, data if json_lines else None, text)
            seen += not held.problem
            if seen == updates:
                return


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        api_files.write(folder, files)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from None
    for name in files:
        click.echo(folder / name)


def _show(
    held: Held[Any], data: Callable[[Any], dict[str, object]] | None, text: Callable[[Any], str]
) -> None:
    if data is not None:
        state = None if held.material is None else data(held.material)
        click.echo(json.dumps({"state": state, "problem": held.problem}))
        return
    if held.problem:
        click.echo(held.problem, err=True)
    click.echo("nothing is held" if held.material is None else text(held.material))
