"""``accredit envoy redirect``."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import click

from accredit.agent import sidecars
from accredit.envoy.redirect import network_namespace, nft, rules
from accredit.envoy.redirect.resolved import Resolved, resolve

_SHARED = (
    "this is the network namespace of the machine's (or the container's) first process, which"
    " everything shares that has none of its own; name another by --netns, or say --host"
)


@click.command()
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@click.option("--apply", is_flag=True, help="Load them, in place of those loaded before.")
@click.option("--remove", is_flag=True, help="Remove them; fine if there are none.")
@click.option("--check", is_flag=True, help="Fail unless just these are loaded.")
@click.option(
    "--netns", metavar="NAME", help="Act in this network namespace: ip-netns's name, or a path."
)
@click.option("--host", is_flag=True, help="Act in the network namespace that is everybody's.")
def redirect(  # noqa: PLR0913  one for each option
    file: Path, *, apply: bool, remove: bool, check: bool, netns: str | None, host: bool
) -> None:
    """Print the nftables rules that steer an app's own connections into its sidecar.

    Load them with --apply, as root, in the network namespace of the app. They begin to work for
    connections that begin afterwards, and are gone after a reboot.
    """
    if apply + remove + check > 1:
        raise click.UsageError("--apply, --remove and --check are three different things to do")
    if (netns or host) and not (apply or remove or check):
        raise click.UsageError("--netns and --host go with --apply, --remove or --check")
    sidecar = sidecars.read(file)
    if netns:
        network_namespace.enter(netns)
    if remove:
        _remove(rules.table(sidecar), rules.removal(sidecar))
        return
    found = resolve(file, sidecar)
    if apply:
        _apply(found, host=host)
    elif check:
        _check(found)
    else:
        click.echo(found.text, nl=False)


def _remove(table: str, text: str) -> None:
    was_there = bool(nft.listed(table))
    nft.load(text)
    click.echo(f"removed {table}" if was_there else f"there is no {table} here")


def _apply(found: Resolved, *, host: bool) -> None:
    if network_namespace.is_shared() and not host:
        raise click.ClickException(_SHARED)
    found.require_cgroups()
    runs = found.require_sidecar_apart()
    nft.load(found.text)
    click.echo(f"loaded {found.table}")
    if not runs:
        what = f"warning: nobody serves {found.sidecar.admin_socket}"
        click.echo(f"{what}; until the sidecar runs, what is steered to it is refused", err=True)


def _check(found: Resolved) -> None:
    found.require_cgroups()
    loaded = nft.listed(found.table)
    if not loaded:
        raise click.ClickException(f"{found.table} is not loaded here")
    wanted = nft.written_out(found.text, found.table)
    lines = unified_diff(loaded.splitlines(), wanted.splitlines(), "loaded", "wanted", lineterm="")
    difference = "\n".join(lines)
    if difference:
        click.echo(difference)
        raise click.ClickException(f"{found.table} is loaded with other rules; see above")
    click.echo(f"{found.table} is loaded")
