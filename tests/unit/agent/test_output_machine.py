"""What keeps this machine from doing what an output asks for."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from support import ordinary_user

from accredit.agent.output_machine import of_machine, shared_folders
from accredit.agent.output_plan import OutputPlan, Wanted
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.tell.command import Command

_KEY = FileSpec(Kind.KEY, "key")


def told(plan: OutputPlan, uid: int = 0, *gids: int) -> list[str]:
    """Return what is told, but for where the folder is."""
    found = of_machine(plan, uid, gids)
    return [each.removeprefix("output 'web': ") for each in found if "is on a disk" not in each]


@pytest.fixture
def plan(tmp_path: Path) -> OutputPlan:
    return OutputPlan("web", tmp_path / "web", Wanted(), Recipe((_KEY,)))


def test_a_folder_that_can_be_made_is_fine_and_is_not_made(plan: OutputPlan) -> None:
    assert told(plan) == []
    assert told(replace(plan, folder=plan.folder / "a/b")) == []
    assert not plan.folder.exists()
    plan.folder.mkdir(0o755)
    assert told(plan) == []


def test_two_paths_to_one_folder_are_told(plan: OutputPlan, tmp_path: Path) -> None:
    tmp_path.joinpath("way").symlink_to(tmp_path)
    other = replace(plan, name="other", folder=tmp_path / "other")
    assert list(shared_folders([plan, other])) == []
    [doubt] = shared_folders([plan, other, replace(other, name="x", folder=tmp_path / "way/web")])
    assert doubt.startswith("output 'x': ")
    assert "way/web is the folder of output 'web', by another path" in doubt


def test_users_groups_and_passwords_that_are_not_there_are_told(plan: OutputPlan) -> None:
    spec = FileSpec(Kind.JKS, "k", 0o640, "nobody-at-all", "no-group", password_file="/no/password")
    command = Command(("no-program",), user="no-user")
    recipe = Recipe((spec,), validate=command, reload=replace(command, user="", group="no-such"))
    told_all = "\n".join(told(replace(plan, recipe=recipe)))
    for part in (
        "nobody-at-all: there is no such user",
        "no-group: there is no such group",
        "/no/password: cannot be read",
        "command 'no-program' cannot be run: there is no such program",
        "there is no user 'no-user'",
        "there is no group 'no-such'",
    ):
        assert part in told_all


def test_who_is_not_root_can_give_files_to_nobody_else(plan: OutputPlan) -> None:
    own, other = replace(_KEY, owner="1000", group="1000"), replace(_KEY, owner="0", group="0")
    assert told(replace(plan, recipe=Recipe((own,))), 1000, 7, 1000) == []
    doubts = told(replace(plan, recipe=Recipe((other,))), 1000, 1000)
    assert [each.partition(":")[0] for each in doubts] == ["owner '0'", "group '0'"]
    assert told(replace(plan, recipe=Recipe((other,)))) == []


def test_a_folder_that_cannot_be_used_is_told_with_the_cure(plan: OutputPlan) -> None:
    plan.folder.mkdir()
    plan.folder.chmod(0o777)
    assert "can be written by others" in told(plan)[0]
    plan.folder.rmdir()
    plan.folder.write_text("")
    assert "not a directory" in told(plan)[0]
    assert "not a directory" in told(replace(plan, folder=plan.folder / "below"))[0]
    plan.folder.unlink()
    plan.folder.symlink_to(plan.folder.parent)
    assert "is a symbolic link" in told(plan)[0]
    plan.folder.unlink()
    plan.folder.symlink_to(plan.folder)
    assert "is a symbolic link" in told(plan)[0]
    assert "too many levels of symbolic links" in told(replace(plan, folder=plan.folder / "a"))[0]


def test_a_folder_that_is_not_ours_to_write_in_is_told(plan: OutputPlan) -> None:
    with ordinary_user.acting() as folder:
        folder.chmod(0o555)
        cure = "permission denied; run accredit as the user who owns it, or chown it"
        assert told(replace(plan, folder=folder)) == [f"{folder}: {cure}"]
        out, own = folder / "a/out", os.geteuid()
        cure = f"make it and chown it to uid {own}, or choose another folder"
        [line] = told(replace(plan, folder=out))
        assert line == f"{out}: cannot be made: permission denied in {folder}; {cure}"


def test_a_folder_on_a_disk_is_told(plan: OutputPlan) -> None:
    on_disk = replace(plan, folder=Path(__file__).parent / "never-made")
    in_memory = replace(plan, folder=Path("/dev/shm/never-made"))
    assert any("is on a disk" in each for each in of_machine(on_disk, 0, ()))
    assert not any("is on a disk" in each for each in of_machine(in_memory, 0, ()))
