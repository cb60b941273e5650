"""Options that the commands of ``accredit file`` share."""

from __future__ import annotations

import os
from pathlib import Path

import click

from accredit.identity.errors import ConfigError
from accredit.workload_api.endpoint import ENDPOINT_VARIABLE, Endpoint, find_endpoint

config = click.option(
    "-c",
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with outputs; one that ends in .conf or .hcl is spiffe-helper's.",
)
socket = click.option(
    "--socket",
    metavar="ADDRESS",
    help="Workload Endpoint, such as unix:///run/api.sock. Default: that in the file, or "
    f"${ENDPOINT_VARIABLE}.",
)


def endpoint(option: str | None, in_file: str | None) -> Endpoint:
    """Return the endpoint to ask."""
    try:
        return find_endpoint(option or in_file, os.environ)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
