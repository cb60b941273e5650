"""When the first files of an output are there, or will not be."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.file_sets import TLS, material, rendered
from support.outputs import ScriptedSource

from accredit.agent.output_start import AnnouncedDisk, AnnouncedSource, all_set
from accredit.file_output.store import Store
from accredit.identity.errors import StoreError


async def test_a_set_that_was_written_is_announced(tmp_path: Path) -> None:
    tried = asyncio.Event()
    with Store(tmp_path / "f", FakeClock()) as store:
        disk = AnnouncedDisk(store, tmp_path / "f", TLS, tried)
        assert await disk.found() is None
        assert not tried.is_set()
        switched = await disk.switch(rendered(TestCa()))
        assert switched.changed
    assert tried.is_set()


async def test_a_set_that_could_not_be_written_is_waited_for_no_longer(tmp_path: Path) -> None:
    tried = asyncio.Event()
    (tmp_path / "f").write_text("in the way")
    with Store(tmp_path / "f", FakeClock()) as store:
        disk = AnnouncedDisk(store, tmp_path / "f", TLS, tried)
        with pytest.raises(StoreError):
            await disk.switch(rendered(TestCa()))
    assert tried.is_set()


@pytest.mark.parametrize("lacking", ["", "no entry"])
async def test_material_passes_and_only_nothing_to_write_is_announced(lacking: str) -> None:
    tried, source = asyncio.Event(), ScriptedSource()
    shown = replace(material(TestCa()), lacking=lacking)
    source.show(shown)
    async with aclosing(AnnouncedSource(source, tried).watch()) as states:
        assert await anext(states) is shown
    assert tried.is_set() is bool(lacking)


async def test_waiting_ends_with_the_last_or_with_patience() -> None:
    events = asyncio.Event(), asyncio.Event()
    events[0].set()
    await all_set(events, 0.01)
    assert not events[1].is_set()
    events[1].set()
    await all_set(events, 600)
