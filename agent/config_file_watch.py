"""The file of ``accredit file watch``: outputs, and where their identities come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from accredit.agent.config_metrics import Metrics
from accredit.agent.config_mistakes import mistakes
from accredit.agent.config_outputs import Outputs
from accredit.agent.config_services import Logging
from accredit.agent.config_types import Section, Unit
from accredit.agent.helper_conf import parse_helper_conf
from accredit.agent.helper_translation import Here, Translation, translate
from accredit.agent.output_plan import OutputPlan
from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.yaml_lines import Lines, Plain, load
from accredit.workload_api.endpoint import parse_endpoint

_OF_HELPER = {".conf", ".hcl"}


def _address(value: str) -> str:
    try:
        parse_endpoint(value)
    except ConfigError as error:
        raise ValueError(error.mistakes[0].reason) from None
    return value


class FileWatch(Section):
    """The whole file. Paths that are not absolute start at the folder of the file."""

    socket: Annotated[str, AfterValidator(_address), Unit("address")] | None = Field(
        default=None,
        description="Workload Endpoint, such as `unix:///run/accredit/public/api.sock`. Default: "
        "`$SPIFFE_ENDPOINT_SOCKET`.",
    )
    outputs: Annotated[Outputs, Field(min_length=1)] = Field(
        description="Identities as files, for programs that read files."
    )
    logging: Logging = Field(default=Logging(), description="Log lines on standard error.")
    metrics: Metrics = Field(default=Metrics(), description="Numbers for Prometheus.")

    def plans(self, path: Path) -> tuple[OutputPlan, ...]:
        """Return what the outputs come to; ``path`` is where the file was read."""
        return tuple(each.plan(path.absolute().parent) for each in self.outputs)


def load_file_watch(path: Path) -> FileWatch:
    """Read the file at ``path``: ours, or by its name spiffe-helper's.

    Raises:
        ConfigError: every mistake in it, with line and key.
    """
    text = read_trusted(path)
    if path.suffix in _OF_HELPER:
        found = translated(text, path)
        found.require_all()
        return _checked(found.document, path, Lines())
    data, lines = load(text, str(path))
    if not isinstance(data, dict):
        raise ConfigError([Mistake(str(path), 1, "", "expected keys and values at the top")])
    return _checked(data, path, lines)


def translated(text: str, path: Path) -> Translation:
    """Return what spiffe-helper's file at ``path`` comes to; its document is a valid one.

    Raises:
        ConfigError: it has mistakes, or something in it cannot be had.
        UnimplementedError: the library for it is not installed.
    """
    found = translate(parse_helper_conf(text, str(path)), Here(Path.cwd(), os.getegid()))
    _checked(found.document, path, Lines())
    return found


def _checked(data: Mapping[str, Plain], path: Path, lines: Lines) -> FileWatch:
    try:
        return FileWatch.model_validate(data)
    except ValidationError as error:
        raise ConfigError(mistakes(error, FileWatch, str(path), lines)) from None
