"""Which Envoy a command runs."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from support import ordinary_user

from accredit.agent.envoy_program import require


def test_a_chosen_program_is_taken_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "envoy").touch(0o755)
    monkeypatch.chdir(tmp_path)
    assert require(Path("envoy")) == tmp_path / "envoy"


def test_without_a_choice_it_is_this_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "envoy").touch(0o755)
    monkeypatch.setenv("ACCREDIT_ENVOY", str(tmp_path / "envoy"))
    assert require(None) == tmp_path / "envoy"


@pytest.mark.parametrize("mode", [None, 0o644])
def test_what_cannot_be_run_is_refused_with_the_cure(tmp_path: Path, mode: int | None) -> None:
    if mode is not None:
        (tmp_path / "envoy").touch(mode)
    cure = r"is no program that can be run: install Envoy or .*ACCREDIT_ENVOY or --envoy"
    with pytest.raises(click.ClickException, match=cure):
        require(tmp_path / "envoy")


def test_what_is_in_a_folder_we_may_not_enter_is_refused_with_the_cure() -> None:
    with ordinary_user.acting() as folder:
        (folder / "envoy").touch(0o755)
        folder.chmod(0)
        with pytest.raises(click.ClickException, match="envoy is no program that can be run: inst"):
            require(folder / "envoy")


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="is no program"):
        require(tmp_path)
