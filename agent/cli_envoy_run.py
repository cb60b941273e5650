"""``accredit envoy run``."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from accredit.agent import envoy_program
from accredit.envoy.supervise.arguments import Options, not_yours

_LEVELS = ["trace", "debug", "info", "warning", "error", "critical", "off"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("further", metavar="[-- ENVOY-ARGUMENT...]", nargs=-1)
@click.option(
    "--profile",
    type=click.Choice(["accredit", "spire"]),
    default="accredit",
    show_default=True,
    help="Whose socket it is: accredit's, or a SPIRE Agent's.",
)
@envoy_program.option
@click.option(
    "--run-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where its bootstraps and sockets go. Default: the folder of its admin socket.",
)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS),
    default="warning",
    show_default=True,
    help="Envoy's.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 1024), help="Envoy's workers. Default: one a core."
)
@click.option(
    "--drain-time",
    metavar="SECONDS",
    type=click.IntRange(1, 3600),
    default=30,
    show_default=True,
    help="How long connections have to end, at a change and at the end.",
)
def run(  # noqa: PLR0913, PLR0917  click's signature
    file: Path,
    further: tuple[str, ...],
    profile: str,
    envoy: Path,
    run_dir: Path | None,
    log_level: str,
    concurrency: int | None,
    drain_time: int,
) -> None:
    """Run a sidecar file's Envoy until SIGTERM; a change of the file loses no connection.

    SIGHUP reads the file again, SIGUSR1 makes Envoy reopen its access logs. Arguments after -- are
    passed on to Envoy.
    """
    if wrong := not_yours(further):
        raise click.UsageError(
            f"{wrong} is for accredit to choose; see the options of this command"
        )
    options = Options(log_level, concurrency, timedelta(seconds=drain_time), further)
    from accredit.agent.sidecar_process import Request, main  # noqa: PLC0415  the command's own

    sys.exit(main(Request(file, profile, envoy, run_dir, options)))
