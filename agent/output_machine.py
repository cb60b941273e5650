"""Whether this machine can do what an output asks for; looks only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator

from accredit.agent.output_plan import OutputPlan
from accredit.file_output.advice import advice
from accredit.file_output.folder import check_usable
from accredit.file_output.given import Given, look_up
from accredit.file_output.tell.command import PATH, Command
from accredit.file_output.tell.systemd import Systemd
from accredit.file_output.tell.user import resolve
from accredit.identity.errors import ConfigError, DeployError, StoreError


def of_machine(output: OutputPlan, uid: int, gids: Collection[int]) -> Iterator[str]:
    """Yield what will keep an agent of this user, in these groups, from it; in a line each."""
    for doubt in _doubts(output, uid, gids):
        yield f"output {output.name!r}: {doubt}"


def shared_folders(outputs: Iterable[OutputPlan]) -> Iterator[str]:
    """Yield a line for each output whose folder is another's, by whatever path."""
    seen: dict[str, OutputPlan] = {}
    for output in outputs:
        first = seen.setdefault(os.path.realpath(output.folder), output)
        if first is not output:
            yield (
                f"output {output.name!r}: {output.folder} is the folder of output {first.name!r},"
                " by another path; each needs its own"
            )


def _doubts(output: OutputPlan, uid: int, gids: Collection[int]) -> Iterator[str]:
    try:
        given = look_up(output.recipe.files)
    except ConfigError as error:
        yield from map(str, error.mistakes)
    else:
        yield from _strangers(given, uid, gids)
    try:
        check_usable(output.folder)
    except StoreError as error:
        yield str(error)
    else:
        yield from filter(None, [advice(output.folder)])
    yield from _commands(output)


def _strangers(given: Given, uid: int, gids: Collection[int]) -> Iterator[str]:
    if uid == 0:
        return
    who = f"and this is uid {uid}"
    for name, number in given.uids.items():
        if number != uid:
            yield f"owner {name!r}: only root, or CAP_CHOWN, can give files away, {who}"
    for name, number in given.gids.items():
        if number not in gids:
            yield f"group {name!r}: only root, or a member, can give files to a group, {who}"


def _commands(output: OutputPlan) -> Iterator[str]:
    for way in (output.recipe.validate, output.recipe.reload):
        command = way.command if isinstance(way, Systemd) else way
        if isinstance(command, Command):
            program = command.argv[0]
            if "{dir}" not in program and shutil.which(program, path=_path(command)) is None:
                yield f"{command} cannot be run: there is no such program; install it"
            try:
                resolve(command.user, command.group)
            except DeployError as error:
                yield str(error)


def _path(command: Command) -> str:
    return command.environment.get("PATH", PATH)
