from __future__ import annotations

import sys

import click
from click.testing import CliRunner

from accredit.agent.lazy_group import LazyGroup

_GROUP = LazyGroup("group", modules={"envoy": "accredit.agent.cli_envoy", "ca": "no.such.module"})


def test_commands_are_listed_in_the_tables_order_without_being_imported() -> None:
    assert _GROUP.list_commands(click.Context(_GROUP)) == ["envoy", "ca"]
    assert "no" not in sys.modules


def test_a_command_is_imported_when_it_is_used() -> None:
    command = _GROUP.get_command(click.Context(_GROUP), "envoy")
    assert command is not None
    assert command.name == "envoy"


def test_a_name_that_is_not_in_the_table_is_no_command() -> None:
    assert _GROUP.get_command(click.Context(_GROUP), "sds") is None
    done = CliRunner().invoke(_GROUP, ["sds"])
    assert done.exit_code == 2
    assert "No such command 'sds'" in done.output
