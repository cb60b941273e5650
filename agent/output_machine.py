"""Whether this machine can do what an output asks for; looks only."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.agent.output_plan import OutputPlan
from accredit.file_output.advice import advice
from accredit.file_output.folder import check_usable
from accredit.file_output.given import Given, look_up
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.user import resolve
from accredit.identity.errors import ConfigError, DeployError, StoreError


def of_machine(output: OutputPlan, uid: int, gid: int) -> Iterator[str]:
    """Yield what will keep an agent of this user from it, in a line each."""
    for doubt in _doubts(output, uid, gid):
        yield f"output {output.name!r}: {doubt}"


def _doubts(output: OutputPlan, uid: int, gid: int) -> Iterator[str]:
    try:
        given = look_up(output.recipe.files)
    except ConfigError as error:
        yield from map(str, error.mistakes)
    else:
        yield from _strangers(given, uid, gid)
    try:
        check_usable(output.folder)
    except StoreError as error:
        yield str(error)
    else:
        yield from filter(None, [advice(output.folder)])
    yield from _commands(output)


def _strangers(given: Given, uid: int, gid: int) -> Iterator[str]:
    if uid == 0:
        return
    for word, own, ids in (("owner", uid, given.uids), ("group", gid, given.gids)):
        for name, number in ids.items():
            if number != own:
                yield (
                    f"{word} {name!r}: only root, or CAP_CHOWN, can give files to others, and this"
                    f" is uid {uid}"
                )


def _commands(output: OutputPlan) -> Iterator[str]:
    for way in (output.recipe.validate, output.recipe.reload):
        if isinstance(way, Command):
            try:
                resolve(way.user, way.group)
            except DeployError as error:
                yield str(error)
