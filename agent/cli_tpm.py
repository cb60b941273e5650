"""``accredit tpm``: the machine's TPM, and the keys it keeps or guards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accredit.agent import cli_options, table

if TYPE_CHECKING:
    from accredit.agent.plan import Plan

_file = click.Path(path_type=Path)


@click.group()
def tpm() -> None:
    """Show the TPM, and bring the agent's keys into the form the configuration asks for."""


@tpm.command()
@cli_options.config
@cli_options.output
def show(config: Path | None, output: str) -> None:
    """Show the TPM, its registers, and how the keys of the data folder are kept."""
    from accredit.agent import tpm_report  # noqa: PLC0415  only where it is used

    found = tpm_report.look(_plan(config))
    click.echo(table.to_json(found) if output == "json" else tpm_report.text(found))


@tpm.command()
@click.option(
    "--recovery-key", type=_file, help="Write the key that opens sealed keys without this TPM."
)
@click.option("--recover", type=_file, help="Seal with that key, to the TPM and PCRs of now.")
@cli_options.config
@cli_options.output
def provision(
    *, recovery_key: Path | None, recover: Path | None, config: Path | None, output: str
) -> None:
    """Make keys, or bring those there are into the configured form. The agent must not run.

    The agent does the same when it starts; here it can be tried before, and a recovery key kept.
    """
    from accredit.agent import tpm_provision, tpm_report  # noqa: PLC0415  only where it is used

    plan = _plan(config)
    found = tpm_provision.provision(plan, recovery_key=recovery_key, recover=recover)
    words = f"{plan.data_dir}: {tpm_report.keys_text(found['keys'])}"
    words += f"; {found['next']}" if found["next"] else ""
    click.echo(table.to_json(found) if output == "json" else words)


def _plan(config: Path | None) -> Plan:
    from accredit.agent.config import load_config  # noqa: PLC0415  pydantic only where it is used

    path = cli_options.config_path(config)
    return load_config(path).plan(path)
