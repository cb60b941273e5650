"""``accredit envoy``: sidecars from a short file, and other people's looked at."""

from __future__ import annotations

import click

from accredit.agent.lazy_group import LazyGroup

_COMMANDS = {
    "bootstrap": "accredit.agent.cli_envoy_bootstrap",
    "lint": "accredit.agent.cli_envoy_lint",
    "plaintext": "accredit.agent.cli_envoy_plaintext",
    "redirect": "accredit.agent.cli_envoy_redirect",
    "validate": "accredit.agent.cli_envoy_validate",
    "run": "accredit.agent.cli_envoy_run",
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def envoy() -> None:
    """Give a legacy app an Envoy sidecar from a file of ten lines.

    FILE is the sidecar file, but for lint, which reads any Envoy bootstrap.
    """
