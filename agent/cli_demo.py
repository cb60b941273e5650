"""``accredit demo``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from datetime import timedelta

import click

from accredit.identity.errors import AccreditError

_MINIMUM_TTL_SECONDS = 5
_CURE = "run: pip install 'accredit[demo]'"


@click.command()
@click.option("--once", is_flag=True, help="End by itself; exit code 0 only if all of it held.")
@click.option(
    "--ttl",
    default=20,
    show_default=True,
    type=click.IntRange(_MINIMUM_TTL_SECONDS),
    help="Seconds an SVID lives.",
)
def demo(*, once: bool, ttl: int) -> None:
    """Two plain HTTP apps talk mutual TLS through two real Envoys, on identities from accredit."""
    try:
        sys.exit(0 if _run(timedelta(seconds=ttl), once=once) else 1)
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error}; {_CURE}") from None
    except AccreditError as error:
        raise click.ClickException(str(error)) from None


def _run(ttl: timedelta, *, once: bool) -> bool:
    # Heavy, and an extra: nothing of it is loaded by the other commands.
    from accredit.agent.demo.story import tell  # noqa: PLC0415
    from accredit.envoy.binary import find  # noqa: PLC0415

    envoy = find()
    if envoy is None or not os.access(envoy, os.X_OK):
        raise click.ClickException(f"no Envoy{f' at {envoy}' if envoy else ''}; {_CURE}")
    start = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - start:5.1f} s  {text}")

    async def main() -> bool:
        this = asyncio.current_task()
        assert this is not None  # noqa: S101  coroutines run in tasks
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, this.cancel)
        return await tell(envoy, ttl, once=once, say=say)

    try:
        held = asyncio.run(main())
    except asyncio.CancelledError:
        return False
    click.echo("all of it held" if held else "NOT all of it held")
    return held
