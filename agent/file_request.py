"""Outputs that somebody asked for on a command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from pydantic import ValidationError

from accredit.agent.config_file_watch import load_file_watch
from accredit.agent.config_mistakes import mistakes
from accredit.agent.config_outputs import OutputSection
from accredit.agent.output_plan import OutputPlan
from accredit.identity.yaml_lines import Lines

_OPTIONS = {"folder": "dir", "files": "audience"}
_OTHER = re.compile(r"[^A-Za-z0-9._@+-]+")


def outputs(
    config: Path | None, given: Mapping[str, str | None], audiences: Sequence[str]
) -> tuple[str | None, tuple[OutputPlan, ...]]:
    """Return the endpoint that the file names, if it does, and the outputs that are wanted.

    Raises:
        ConfigError: the file has mistakes.
        click.UsageError: the options do not fit together.
    """
    options = {key: value for key, value in given.items() if value is not None}
    if config is not None:
        if options or audiences:
            raise click.UsageError("with -c, outputs are described in the file alone")
        found = load_file_watch(config)
        return found.socket, found.plans(config)
    if "profile" not in options or "folder" not in options:
        raise click.UsageError("needs --profile and --dir, or -c FILE")
    return None, (_plan(options, audiences),)


def _plan(options: Mapping[str, str], audiences: Sequence[str]) -> OutputPlan:
    section: dict[str, object] = dict(options)
    if audiences:
        section["files"] = [
            {"kind": "jwt", "name": token_name(audience), "audience": audience}
            for audience in audiences
        ]
    try:
        return OutputSection.model_validate(section).plan(Path.cwd())
    except ValidationError as error:
        found = mistakes(error, OutputSection, "", Lines())
        raise click.UsageError("\n".join(_said(each.key, each.reason) for each in found)) from None


def token_name(audience: str) -> str:
    """Return the name of the file with the token for an audience."""
    name = _OTHER.sub("-", audience).strip("-.")
    return f"{name[:200] or 'token'}.jwt"


def _said(key: str, reason: str) -> str:
    first, *_ = re.split(r"[.\[]", key)
    option = _OPTIONS.get(first, first).replace("_", "-")
    return f"--{option}: {reason}" if option else reason
