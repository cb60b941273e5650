"""A sidecar file that is followed."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest
from support.eventually import eventually

from accredit.agent.sidecar_source import SidecarSource, require_fit, watching
from accredit.identity.errors import ConfigError, Mistake


class _Source:
    """A followed file whose bootstrap is its text in capitals; Envoy refuses what holds "BAD"."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.wanted: list[str] = []
        self.judged: list[str] = []
        self.looks = 0

    async def make(self) -> str:
        self.looks += 1
        text = self.file.read_text()
        if "wrong" in text:
            raise ConfigError([Mistake(str(self.file), 1, "k", "is wrong")])
        return text.upper()

    async def judge(self, text: str) -> str:
        self.judged.append(text)
        return "bad" if "BAD" in text else ""

    async def run(self, source: SidecarSource) -> None:
        await source.follow(await source.read(), self.judge, self.wanted.append)


@pytest.fixture
def followed(tmp_path: Path) -> _Source:
    file = tmp_path / "s.yaml"
    file.write_text("a")
    return _Source(file)


async def _check(followed: _Source, *steps: str, reload: bool = False) -> None:
    """Write each of ``steps`` and wait until it has been looked at."""
    with watching(followed.file) as watch:
        source = SidecarSource(followed.file, watch, followed.make)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(followed.run(source))
            for step in steps:
                await asyncio.sleep(0)
                seen = len(followed.judged)
                followed.file.write_text(step)
                await eventually(lambda n=seen: len(followed.judged) > n)  # type: ignore[misc]
            if reload:
                source.reload()
                await eventually(lambda: followed.wanted != [])
            task.cancel()


async def test_a_change_is_judged_and_passed_on(followed: _Source) -> None:
    await _check(followed, "b", "c")
    assert followed.judged == ["B", "C"]
    assert followed.wanted == ["B", "C"]


async def test_what_envoy_refuses_is_told_and_not_passed_on(
    followed: _Source, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await _check(followed, "bad", "c")
    assert followed.wanted == ["C"]
    (record,) = caplog.records
    assert vars(record)["error"] == f"{followed.file}: refused by Envoy: bad"


async def test_mistakes_are_told_and_the_next_good_state_is_passed_on(
    followed: _Source, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), watching(followed.file) as watch:
        source = SidecarSource(followed.file, watch, followed.make)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(followed.run(source))
            await asyncio.sleep(0)
            followed.file.write_text("wrong")
            await eventually(lambda: caplog.records != [])
            followed.file.write_text("b")
            await eventually(lambda: followed.wanted == ["B"])
            task.cancel()
    assert vars(caplog.records[0])["error"] == f"{followed.file}:1: k: is wrong"


async def test_asking_passes_on_what_has_not_changed(followed: _Source) -> None:
    await _check(followed, reload=True)
    assert followed.wanted == ["A"]
    assert followed.judged == []


async def test_who_asks_once_is_answered_once(followed: _Source) -> None:
    with watching(followed.file) as watch:
        source = SidecarSource(followed.file, watch, followed.make)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(followed.run(source))
            await asyncio.sleep(0)
            source.reload()
            await eventually(lambda: followed.wanted == ["A"])
            looks = followed.looks
            followed.file.write_text("a")
            await eventually(lambda: followed.looks > looks)
            followed.file.write_text("b")
            await eventually(lambda: "B" in followed.wanted)
            task.cancel()
    assert followed.wanted == ["A", "B"]


async def test_a_switched_link_is_a_change(followed: _Source, tmp_path: Path) -> None:
    for name, text in (("one", "a"), ("two", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "s.yaml").write_text(text)
    data = tmp_path / "..data"
    data.symlink_to("one")
    followed.file = tmp_path / "link.yaml"
    followed.file.symlink_to("..data/s.yaml")
    with watching(followed.file) as watch:
        source = SidecarSource(followed.file, watch, followed.make)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(followed.run(source))
            await asyncio.sleep(0)
            (tmp_path / "new").symlink_to("two")
            os.replace(tmp_path / "new", data)  # noqa: PTH105  as Kubernetes does it
            await eventually(lambda: followed.wanted == ["B"])
            task.cancel()


async def test_without_a_watch_asking_is_enough(followed: _Source) -> None:
    source = SidecarSource(followed.file, None, followed.make)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(followed.run(source))
        await asyncio.sleep(0)
        followed.file.write_text("b")
        source.reload()
        await eventually(lambda: followed.wanted == ["B"])
        task.cancel()


async def test_a_refusal_names_the_file(followed: _Source) -> None:
    with pytest.raises(ConfigError, match=r"s\.yaml: refused by Envoy: bad"):
        await require_fit(followed.file, "BAD", followed.judge)
