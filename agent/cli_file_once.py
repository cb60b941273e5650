"""``accredit file once``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from accredit.agent import cli_file_options


def _given(command: Any) -> Any:
    """Give a command the options that stand for a file with one output."""
    for option in reversed(_OUTPUT):
        command = option(command)
    return command


_OUTPUT = (
    click.option("--profile", metavar="NAME", help="Whose files, such as nginx or pem."),
    click.option("--dir", "folder", metavar="DIR", help="Folder to write them into."),
    click.option("--hint", help="Which identity, by its hint. Default: the first."),
    click.option("--spiffe-id", metavar="ID", help="Which identity, by its SPIFFE ID or path."),
    click.option("--owner", help="Owner of all files."),
    click.option("--group", help="Group of all files."),
    click.option("--password-file", metavar="FILE", help="File with the password of keystores."),
)


@click.command()
@cli_file_options.config
@cli_file_options.socket
@_given
@click.option(
    "--audience",
    "audiences",
    metavar="NAME",
    multiple=True,
    help="Write a JWT-SVID for this audience too, as NAME.jwt.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0, 86400, min_open=True),
    default=60.0,
    show_default=True,
    help="How long to wait for the identity, and with --reload for the program.",
)
@click.option(
    "--reload", "tell", is_flag=True, help="Validate, reload and verify the program as well."
)
def once(
    *,
    config: Path | None,
    socket: str | None,
    audiences: tuple[str, ...],
    timeout: float,
    tell: bool,
    **given: str | None,
) -> None:
    """Write the files of --profile into --dir, or those of the outputs in -c FILE, and end.

    For init containers and cron: waits until the identity is there. The program is left alone
    unless --reload is given.
    """
    # Loaded here, since --help needs neither pydantic nor grpc.
    from accredit.agent import file_request, output_once  # noqa: PLC0415

    address, plans = file_request.outputs(config, given, audiences)
    endpoint = cli_file_options.endpoint(socket, address)
    for line in output_once.run(endpoint, plans, timedelta(seconds=timeout), tell=tell):
        click.echo(line)
