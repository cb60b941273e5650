"""Several outputs at work at once."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from support.ca import TestCa
from support.eventually import eventually
from support.file_sets import material
from support.outputs import ScriptedSource
from support.running import running

from accredit.agent.output_plan import OutputPlan, Wanted
from accredit.agent.outputs import Outputs
from accredit.file_output.ledger import State
from accredit.file_output.profiles.services import PEM
from accredit.file_output.store import Store
from accredit.rotation.clock import SystemClock


def plan(folder: Path, name: str) -> OutputPlan:
    return OutputPlan(name, folder / name, Wanted(), PEM.recipe, 0o750)


async def test_each_has_its_files_and_one_that_fails_holds_up_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, sources = SystemClock(), {name: ScriptedSource() for name in "abc"}
    outputs = Outputs(
        [plan(tmp_path, name) for name in sources], lambda plan: sources[plan.name], clock
    )
    assert [line.state for line in outputs.ledger.lines.values()] == [State.WAITING] * 3
    (tmp_path / "b").write_text("in the way")
    ca = TestCa(now=clock.now())
    with caplog.at_level(logging.INFO):
        async with running(outputs):
            assert not outputs.ready.is_set()
            for source in sources.values():
                source.show(material(ca))
            lines = outputs.ledger.lines
            wanted = {"a": State.SERVED, "b": State.FAILING, "c": State.SERVED}
            await eventually(lambda: {k: line.state for k, line in lines.items()} == wanted)
            await outputs.ready.wait()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "c/tls.key").exists()
    on_disk = [each for each in caplog.records if each.getMessage() == "advice"]
    assert len(on_disk) in {0, 3}  # as the folder of tests is in memory or not
    clock.close()


async def test_when_it_ends_the_files_stay_and_the_folder_is_free_for_the_next(
    tmp_path: Path,
) -> None:
    clock, source = SystemClock(), ScriptedSource()
    for _ in range(2):
        outputs = Outputs([plan(tmp_path, "a")], lambda _: source, clock)
        async with running(outputs):
            source.show(material(TestCa(now=clock.now())))
            line = outputs.ledger.line("a")
            await eventually(lambda line=line: line.state is State.SERVED)  # type: ignore[misc]
        assert (tmp_path / "a/tls.crt").exists()
    with Store(tmp_path / "a", clock) as store:
        assert store.current is not None
    clock.close()


async def test_others_are_taken_over_while_what_has_not_changed_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SystemClock()
    shown = material(TestCa(now=clock.now()))
    sources = {name: ScriptedSource() for name in "abcd"}
    for source in sources.values():
        source.show(shown)
    outputs = Outputs(
        [plan(tmp_path, name) for name in "abc"], lambda plan: sources[plan.name], clock
    )
    lines = outputs.ledger.lines

    def served(names: str) -> bool:
        states = {name: line.state for name, line in lines.items()}
        return states == dict.fromkeys(names, State.SERVED)

    async with running(outputs):
        await eventually(lambda: served("abc"))
        kept = lines["a"]
        moved = replace(plan(tmp_path, "b"), folder=tmp_path / "other")
        with caplog.at_level(logging.INFO):
            outputs.apply([plan(tmp_path, "a"), moved, plan(tmp_path, "d")])
            await eventually(lambda: served("abd") and (tmp_path / "other/tls.key").exists())
            outputs.apply([plan(tmp_path, "d"), moved, plan(tmp_path, "a")])
        said = [each for each in caplog.records if each.getMessage() == "outputs reloaded"]
        assert [(each.added, each.removed, each.changed) for each in said] == [  # type: ignore[attr-defined]
            (["d"], ["c"], ["b"])
        ]
        assert (tmp_path / "c/tls.key").exists()
        assert lines["a"] is kept
        assert (sources["a"].watching, sources["b"].watching) == (1, 2)
        # Who is gone has let go of its folder.
        with Store(tmp_path / "c", clock) as store:
            assert store.current is not None
        outputs.apply([])
        await eventually(lambda: not lines)
    clock.close()


async def test_an_agent_that_began_without_any_takes_its_first(tmp_path: Path) -> None:
    clock, source = SystemClock(), ScriptedSource()
    outputs = Outputs([], lambda _: source, clock)
    async with running(outputs):
        await outputs.ready.wait()
        source.show(material(TestCa(now=clock.now())))
        outputs.apply([plan(tmp_path, "a")])
        await eventually((tmp_path / "a/tls.crt").exists)
    clock.close()
