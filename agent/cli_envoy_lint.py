"""``accredit envoy lint``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import click

from accredit.agent import cli_options, lint_output, table
from accredit.agent.replacement import replace
from accredit.envoy.lint.fix import Fixed, fix
from accredit.envoy.lint.lint import RULES, Finding
from accredit.envoy.lint.lint import lint as find
from accredit.identity.errors import ConfigError, Mistake

_MAX_BYTES = 8 * 1024 * 1024
_STDIN = "-"


@dataclass
class _Report:
    """What was found in all files together."""

    left: list[Finding] = field(default_factory=list)
    cured: list[Finding] = field(default_factory=list)
    unreadable: list[ConfigError] = field(default_factory=list)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option("--fix", "fixing", is_flag=True, help="Write the cures that are mechanical.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--rules", is_flag=True, help="List the rules instead.")
@cli_options.output
def lint(files: tuple[str, ...], *, fixing: bool, strict: bool, rules: bool, output: str) -> None:
    """Find what Envoy accepts silently and should not.

    A FILE is any Envoy bootstrap, in YAML or JSON; - is standard input. Fails if an error is found:
    something that lets strangers in or takes the sidecar down.
    """
    if rules:
        _tell_rules(as_json=output == "json")
        return
    if not files:
        raise click.UsageError("expected a FILE to read, or --rules")
    if fixing and _STDIN in files:
        raise click.UsageError("--fix needs a file to write to, which - is not")
    report = _Report()
    for name in dict.fromkeys(files):
        _look(name, report, fixing=fixing)
    _show(report, as_json=output == "json", fixing=fixing)
    if report.unreadable or any(strict or each.is_error for each in report.left):
        raise click.exceptions.Exit(1)


def _tell_rules(*, as_json: bool) -> None:
    if as_json:
        click.echo(table.to_json(lint_output.rules_data(RULES)))
    else:
        click.echo(lint_output.rules_text(RULES))


def _look(name: str, report: _Report, *, fixing: bool) -> None:
    try:
        text = _read(name)
        if fixing:
            found = _fix(name, text)
            report.left += found.left
            report.cured += found.cured
        else:
            report.left += find(text, name)
    except ConfigError as error:
        report.unreadable.append(error)


def _fix(name: str, text: str) -> Fixed:
    found = fix(text, name)
    if found.text != text:
        try:
            replace(Path(name), found.text.encode())
        except OSError as error:
            raise _mistake(name, f"cannot be written: {error.strerror or error}") from None
    return found


def _show(report: _Report, *, as_json: bool, fixing: bool) -> None:
    for error in report.unreadable:
        click.echo(str(error), err=True)
    if as_json:
        shown = {"findings": [lint_output.data(each) for each in report.left]}
        if fixing:
            shown["fixed"] = [lint_output.data(each) for each in report.cured]
        click.echo(table.to_json(shown))
        return
    for each in report.cured:
        click.echo(lint_output.cured_line(each))
    for each in report.left:
        click.echo(lint_output.line(each))
    click.echo(lint_output.summary(report.left, len(report.cured)), err=True)


def _read(name: str) -> str:
    try:
        if name == _STDIN:
            return _text(sys.stdin.buffer, name)
        with Path(name).open("rb") as file:
            return _text(file, name)
    except OSError as error:
        raise _mistake(name, f"cannot be read: {error.strerror or error}") from None


def _text(file: BinaryIO, name: str) -> str:
    data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise _mistake(name, f"is larger than {_MAX_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _mistake(name, "is not UTF-8 text") from None


def _mistake(name: str, reason: str) -> ConfigError:
    return ConfigError([Mistake(name, None, "", reason)])
