"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from accredit.agent import places
from accredit.agent.socket_path import parse_path
from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.yaml_lines import load

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


def config_path(config: Path | None) -> Path:
    """Return the configuration a command means.

    Raises:
        ClickException: none was named, and there is none where it is looked for.
    """
    path = config or places.config_file()
    if path == places.SYSTEM_CONFIG and config is None and places.is_missing(path):
        raise click.ClickException(
            f"there is neither ./accredit.yaml nor {path}: name a configuration by -c, or write one"
        )
    return path


def admin_path(config: Path | None, admin_socket: Path | None) -> Path:
    """Return the admin socket of the agent a command means.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    if admin_socket is not None:
        return admin_socket
    path = config or places.config_file()
    if path == places.SYSTEM_CONFIG and places.is_missing(path):
        return _default_socket()
    return _configured_socket(path)


def _configured_socket(path: Path) -> Path:
    """Read that key alone: mistakes in the others keep nobody from a running agent."""
    data, lines = load(read_trusted(path), str(path), twice=[])
    if not isinstance(data, dict) or "admin_socket" not in data:
        return _default_socket()
    try:
        return path.parent.absolute() / parse_path(data["admin_socket"])
    except ValueError as error:
        line = lines.line(("admin_socket",))
        raise ConfigError([Mistake(str(path), line, "admin_socket", str(error))]) from None


def _default_socket() -> Path:
    try:
        return places.admin_socket()
    except ValueError as error:
        raise click.UsageError(f"--admin-socket {error}, or ask as root") from None
