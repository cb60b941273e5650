"""The command line. Each command's module is only imported when it is used.

Exit codes: 0 done, 1 refused or failed, 2 wrong use. What can be expected to go wrong is told in
one line each; a traceback is a bug.
"""

from __future__ import annotations

import click

from accredit import __version__
from accredit.agent.lazy_group import LazyGroup
from accredit.identity.errors import AccreditError

_COMMANDS = {
    "run": "accredit.agent.cli_run",
    "check": "accredit.agent.cli_check",
    "demo": "accredit.agent.cli_demo",
    "status": "accredit.agent.cli_status",
    "entry": "accredit.agent.cli_entry",
    "bundle": "accredit.agent.cli_bundle",
    "ca": "accredit.agent.cli_ca",
    "tpm": "accredit.agent.cli_tpm",
    "revoke": "accredit.agent.cli_revoke",
    "api": "accredit.agent.cli_api",
    "sds": "accredit.agent.cli_sds",
    "envoy": "accredit.agent.cli_envoy",
    "file": "accredit.agent.cli_file",
}


class _Commands(LazyGroup):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except AccreditError as error:
            raise click.ClickException(str(error)) from None


@click.group(
    cls=_Commands, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="accredit")
def main() -> None:
    """Give every workload of this machine its SPIFFE identity, and keep it fresh."""
