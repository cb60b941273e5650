"""``accredit envoy plaintext``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TextIO

import click

from accredit.agent import cli_options, sidecars, table
from accredit.envoy.plaintext import Plaintext
from accredit.envoy.sidecar import Sidecar
from accredit.identity.errors import NotFoundError

_MAX_LINE = 64 * 1024


@click.command()
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--log",
    metavar="PATH",
    help="The sidecar's access log, '-' for standard input. Default: the file's 'access_log'.",
)
@cli_options.output
def plaintext(file: Path, log: str | None, output: str) -> None:
    """List who still speaks plaintext to a sidecar with 'mode: permissive'.

    Where Envoy logs to the journal: `journalctl -o cat -u UNIT | accredit envoy plaintext FILE
    --log -`.
    """
    sidecar = sidecars.read_outdated(file)
    found = Plaintext()
    with _open(log or sidecar.access_log) as lines:
        found.read(_pieces(lines))
    if output == "json":
        click.echo(table.to_json(_data(found)))
    else:
        click.echo(_text(sidecar, found))


def _open(log: str) -> TextIO:
    if not log:
        raise click.UsageError(
            "the access log goes to standard output; hand it over with --log PATH or --log -"
        )
    try:
        if log == "-":
            return open(0, encoding="utf-8", errors="replace", closefd=False)
        return Path(log).open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotFoundError(f"the access log {log} cannot be read: {error.strerror}") from error


def _pieces(lines: TextIO) -> Iterator[str]:
    """Yield line by line, one without an end in pieces."""
    yield from iter(lambda: lines.readline(_MAX_LINE), "")


def _data(found: Plaintext) -> dict[str, object]:
    return {
        "lines": found.lines,
        "mtls": found.mtls,
        "plaintext": [asdict(each) for each in found.callers],
    }


def _text(sidecar: Sidecar, found: Plaintext) -> str:
    if not found.callers:
        ends = {str(each.until) for each in sidecar.inbound if each.until is not None}
        then = f"; plaintext is served until {', '.join(sorted(ends))}" if ends else ""
        return f"nobody spoke plaintext in {found.lines} lines, {found.mtls} were mutual TLS{then}"
    heads = ("ADDRESS", "LISTENER", "COUNT", "FIRST", "LAST", "PROGRAM")
    rows = [[str(value) for value in astuple(each)] for each in found.callers]
    return table.render(heads, rows)
