"""The command line. Each command's module is only imported when it is used.

Exit codes: 0 done, 1 refused or failed, 2 wrong use. What can be expected to go wrong is told in
one line each; a traceback is a bug.
"""

from __future__ import annotations

from importlib import import_module

import click

from accredit import __version__
from accredit.identity.errors import AccreditError

_COMMANDS = {
    "run": "accredit.agent.cli_run",
    "check": "accredit.agent.cli_check",
    "demo": "accredit.agent.cli_demo",
    "status": "accredit.agent.cli_status",
    "entry": "accredit.agent.cli_entry",
    "bundle": "accredit.agent.cli_bundle",
    "ca": "accredit.agent.cli_ca",
    "api": "accredit.agent.cli_api",
    "sds": "accredit.agent.cli_sds",
}


class _Commands(click.Group):
    """The commands by name; a module holds the command it is named after."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101  our own table
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except AccreditError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="accredit")
def main() -> None:
    """Give every workload of this machine its SPIFFE identity, and keep it fresh."""
