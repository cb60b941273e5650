"""``accredit envoy validate``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from accredit.agent import envoy_program, sidecars
from accredit.envoy.sidecar import Profile
from accredit.envoy.supervise import validation
from accredit.identity.errors import ConfigError


@click.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@sidecars.profile
@envoy_program.option
def validate(files: tuple[Path, ...], profile: Profile, envoy: Path) -> None:
    """Check sidecar files, and let Envoy check their bootstraps; start nothing.

    Envoy's part is its validate mode. 1 unless every FILE is valid.
    """
    with TemporaryDirectory(prefix="accredit-") as folder:
        sys.exit(asyncio.run(_validate(files, profile, envoy, Path(folder))))


async def _validate(files: Sequence[Path], profile: Profile, envoy: Path, folder: Path) -> int:
    version = await validation.version(envoy)
    wrong = 0
    for file in files:
        if reason := await _reason(file, profile, envoy, folder):
            wrong += 1
            click.echo(reason, err=True)
        else:
            click.echo(f"{file}: valid, Envoy {version}")
    return int(wrong > 0)


async def _reason(file: Path, profile: Profile, envoy: Path, folder: Path) -> str:
    try:
        sidecar = sidecars.read(file, profile)
    except ConfigError as error:
        return str(error)
    # It takes half a second to load; mistakes in the file are told before.
    from accredit.envoy.bootstrap import to_json  # noqa: PLC0415

    reason = await validation.validate(envoy, folder, to_json(sidecar))
    return reason and f"{file}: refused by Envoy: {reason}"
