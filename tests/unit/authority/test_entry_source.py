from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from accredit.authority.entry_file import EntryDefaults
from accredit.authority.entry_files import EntryFiles
from accredit.authority.entry_source import EntrySource
from accredit.identity.errors import ConfigError
from accredit.identity.spiffe_id import TrustDomain

_GOOD = "entries:\n- {id: /web, selectors: [a:b]}\n"
_MORE = _GOOD + "- {id: /db, selectors: [a:b]}\n"
_BAD = "entries:\n- {id: web, selectors: [a:b], ttl: 5}\n"


class _Followed:
    """A source that runs, and who waits for what it says."""

    def __init__(self, folder: Path) -> None:
        files = EntryFiles(TrustDomain("td.example"), EntryDefaults(), folder=folder)
        self.source = EntrySource(files)
        self._told = asyncio.Event()
        self.source.subscribe(self._told.set)

    @property
    def ids(self) -> list[str]:
        return [entry.path for entry in self.source.entries]

    async def change(self) -> list[str]:
        async with asyncio.timeout(30):
            await self._told.wait()
        self._told.clear()
        return self.ids

    async def nothing(self) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await self._told.wait()


@asynccontextmanager
async def _following(folder: Path) -> AsyncIterator[_Followed]:
    followed = _Followed(folder)
    followed.source.load()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(followed.source.run())
        yield followed
        task.cancel()


async def _logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(30):
        while text not in caplog.text:  # noqa: ASYNC110  the log has no event
            await asyncio.sleep(0.01)


def test_a_bad_file_stops_the_start_with_all_its_mistakes(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_BAD)
    source = _Followed(tmp_path).source
    with pytest.raises(ConfigError) as caught:
        source.load()
    assert len(caught.value.mistakes) == 2


async def test_a_new_file_is_followed(tmp_path: Path) -> None:
    async with _following(tmp_path) as followed:
        assert followed.ids == []
        (tmp_path / "a.yaml").write_text(_GOOD)
        assert await followed.change() == ["/web"]
        (tmp_path / "a.yaml").write_text(_MORE)
        assert await followed.change() == ["/web", "/db"]
        (tmp_path / "a.yaml").unlink()
        assert await followed.change() == []


async def test_what_changed_between_loading_and_running_is_noticed(tmp_path: Path) -> None:
    followed = _Followed(tmp_path)
    followed.source.load()
    (tmp_path / "a.yaml").write_text(_GOOD)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(followed.source.run())
        assert await followed.change() == ["/web"]
        task.cancel()


async def test_a_bad_file_changes_nothing_and_all_its_mistakes_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.yaml").write_text(_GOOD)
    async with _following(tmp_path) as followed:
        (tmp_path / "b.yaml").write_text(_BAD)
        await _logged(caplog, "entries not reloaded; the last good ones stay")
        assert followed.ids == ["/web"]
        (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert "b.yaml:2: entries[0].id: expected a path" in record.error  # type: ignore[attr-defined]
        assert "b.yaml:2: entries[0].ttl: expected a duration" in record.error  # type: ignore[attr-defined]
        assert followed.source.mistakes == record.__dict__["error"]
        (tmp_path / "b.yaml").unlink()
        (tmp_path / "a.yaml").write_text(_MORE)
        assert await followed.change() == ["/web", "/db"]
        assert followed.source.mistakes == ""


async def test_one_bad_state_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.yaml").write_text(_GOOD)
    async with _following(tmp_path) as followed:
        (tmp_path / "b.yaml").write_text(_BAD)
        await _logged(caplog, "entries not reloaded")
        (tmp_path / "b.yaml").touch()
        await followed.nothing()
        assert caplog.text.count("entries not reloaded") == 1


async def test_a_good_reload_logs_what_was_added_removed_and_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "a.yaml").write_text(_MORE)
    async with _following(tmp_path) as followed:
        (tmp_path / "a.yaml").write_text(
            "entries:\n"
            "- {id: /web, selectors: [a:b], hint: new}\n"
            "- {id: /cache, selectors: [a:b]}\n"
        )
        await followed.change()
    (record,) = [each for each in caplog.records if each.message == "entries reloaded"]
    assert record.__dict__["added"] == ["spiffe://td.example/cache"]
    assert record.__dict__["removed"] == ["spiffe://td.example/db"]
    assert record.__dict__["changed"] == ["spiffe://td.example/web"]


async def test_a_change_of_nothing_but_comments_tells_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_GOOD)
    async with _following(tmp_path) as followed:
        (tmp_path / "a.yaml").write_text("# moved down\n" + _GOOD)
        await followed.nothing()
        assert followed.source.entries.entries[0].source.endswith("a.yaml:3")


async def test_who_asks_for_a_reload_is_answered_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with _following(tmp_path) as followed:
        followed.source.reload()
        await _logged(caplog, "entries reloaded: nothing changed")
        (tmp_path / "a.yaml").write_text(_BAD)
        await _logged(caplog, "entries not reloaded")
        caplog.clear()
        followed.source.reload()
        await _logged(caplog, "entries not reloaded")


async def test_without_inotify_a_reload_still_reads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("asyncinotify._ffi.libc.inotify_init1", none_left)
    async with _following(tmp_path) as followed:
        await _logged(caplog, "entries are not watched: they are read on SIGHUP only")
        (tmp_path / "a.yaml").write_text(_GOOD)
        followed.source.reload()
        assert await followed.change() == ["/web"]


async def test_a_folder_that_became_a_file_changes_nothing_until_it_is_one_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "entries"
    folder.mkdir()
    (folder / "a.yaml").write_text(_GOOD)
    async with _following(folder) as followed:
        folder.rename(tmp_path / "elsewhere")
        folder.touch()
        await _logged(caplog, "entries not reloaded")
        folder.unlink()
        (tmp_path / "elsewhere" / "a.yaml").write_text(_MORE)
        (tmp_path / "elsewhere").rename(folder)
        while followed.ids != ["/web", "/db"]:
            await followed.change()


async def test_the_folder_may_come_later_and_come_again(tmp_path: Path) -> None:
    folder = tmp_path / "later" / "entries"
    async with _following(folder) as followed:
        folder.mkdir(parents=True)
        (folder / "a.yaml").write_text(_GOOD)
        assert await followed.change() == ["/web"]
        folder.parent.rename(tmp_path / "gone")
        assert await followed.change() == []
        (tmp_path / "gone").rename(folder.parent)
        assert await followed.change() == ["/web"]
