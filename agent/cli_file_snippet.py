"""``accredit file snippet``."""

from __future__ import annotations

from pathlib import Path

import click

from accredit.agent.file_snippet import Asked, text


@click.command()
@click.argument("profile")
@click.option(
    "--allow",
    metavar="ID",
    multiple=True,
    help="SPIFFE ID of a client to let in; ID/* for all below it.",
)
@click.option(
    "--user",
    "users",
    metavar="COMMON-NAME=USER",
    multiple=True,
    help="For postgresql, which sees no SPIFFE IDs: whom a common name may log in as.",
)
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    help="The output's folder. Default: /run/accredit/files/PROFILE.",
)
@click.option(
    "--write-scripts",
    "scripts",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Write the scripts that the lines load into DIR, which the lines then name.",
)
def snippet(
    profile: str,
    allow: tuple[str, ...],
    users: tuple[str, ...],
    folder: str | None,
    scripts: Path | None,
) -> None:
    """Print what goes into a program's configuration so that it uses the files of PROFILE.

    With --allow, also what makes it check its clients' SPIFFE IDs.
    """
    asked = Asked(profile, allow, users, folder or f"/run/accredit/files/{profile}", scripts)
    try:
        found, files = text(asked)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(found, nl=False)
    for name, content in files.items():
        if scripts is not None:
            (scripts / name).write_text(content)
