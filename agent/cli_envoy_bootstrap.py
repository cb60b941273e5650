"""``accredit envoy bootstrap``."""

from __future__ import annotations

from pathlib import Path

import click

from accredit.agent import sidecars
from accredit.envoy.sidecar import Profile


@click.command()
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@sidecars.profile
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Envoy reads both, by the ending of the file's name.",
)
def bootstrap(file: Path, profile: Profile, form: str) -> None:
    """Print the Envoy bootstrap of a sidecar file.

    Run it with `envoy -c`, or let `accredit envoy run` do all of that.
    """
    sidecar = sidecars.read(file, profile)
    # It takes half a second to load; mistakes in the file are told before.
    from accredit.envoy.bootstrap import to_json, to_yaml  # noqa: PLC0415

    click.echo(to_yaml(sidecar) if form == "yaml" else to_json(sidecar), nl=False)
    for warning in sidecars.warnings(sidecar):
        click.echo(f"warning: {file}: {warning}", err=True)
