"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from accredit.agent import places

F = TypeVar("F", bound=Callable[..., Any])

config = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    help="Configuration file. Default: $ACCREDIT_CONFIG, ./accredit.yaml or "
    "/etc/accredit/accredit.yaml.",
)
output = click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
_socket = click.option(
    "--admin-socket",
    type=click.Path(path_type=Path),
    help="The running agent's admin socket. Default: the configuration's.",
)


def admin(command: F) -> F:
    """Give ``command`` the options that find a running agent."""
    return config(_socket(command))


def admin_path(config: Path | None, admin_socket: Path | None) -> Path:
    """Return the admin socket of the agent a command means.

    Raises:
        ConfigError: the configuration has mistakes.
    """
    if admin_socket is not None:
        return admin_socket
    path = config or places.config_file()
    if path == places.SYSTEM_CONFIG and not path.exists():
        return _default_socket()
    # Pydantic takes longer to load than the question takes.
    from accredit.agent.config import load_config  # noqa: PLC0415

    return load_config(path).admin_socket


def _default_socket() -> Path:
    try:
        return places.admin_socket()
    except ValueError as error:
        raise click.UsageError(f"--admin-socket {error}") from None
