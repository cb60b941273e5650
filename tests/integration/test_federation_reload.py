"""The section `federation` followed as its files change, with nobody asking for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.ca import TestCa
from support.eventually import eventually
from support.federating import PARTNER, Federation, federating

from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.config import load_config
from accredit.agent.endpoint_host import EndpointHost, Serving
from accredit.agent.section_reload import SectionReload
from accredit.identity.bundle import encode_bundle

_PATIENCE = 60
_HEAD = "trust_domain: prod.example\ndata_dir: d\nsocket: s\nadmin_socket: a\n"
_FEDERATION = """\
federation:
  relationships:
    - trust_domain: partner.example
      url: https://127.0.0.1:1/
      profile: https_spiffe
      endpoint_spiffe_id: spiffe://partner.example/bundle-endpoint
      bootstrap_bundle: bootstrap.json
"""
_MORE = """\
    - {trust_domain: more.example, url: "https://127.0.0.1:1/", profile: https_web}
"""
_ENTRY = "entries: [{id: /a, selectors: ['unix:uid:1']}]\n"


@dataclass
class Bench:
    """A relationship with nobody's endpoint, and the file that says so."""

    config: Path
    federation: Federation
    reload: SectionReload
    host: EndpointHost
    looks: list[None]

    def write(self, text: str) -> None:
        self.config.write_text(_HEAD + text)

    @property
    def reread(self) -> int:
        """How often the files of bundles were read again."""
        return len(self.looks)

    @property
    def names(self) -> list[str]:
        return [str(view["trust_domain"]) for view in self.reload.describe()]


def _nothing(settings: EndpointSettings) -> tuple[Serving, ...]:
    del settings
    return ()


@asynccontextmanager
async def following(folder: Path) -> AsyncIterator[Bench]:
    config = folder / "accredit.yaml"
    config.write_text(_HEAD + _FEDERATION)
    config.chmod(0o600)
    relationships = load_config(config).federation.settings().relationships
    async with federating(folder, *relationships) as federation, asyncio.TaskGroup() as group:
        host = EndpointHost(None, _nothing)
        looks: list[None] = []
        others = [folder / "other.json"]
        reload = SectionReload(config, federation.polling, host, others, lambda: looks.append(None))
        tasks = [group.create_task(each.run()) for each in (host, reload)]
        await federation.polled()
        yield Bench(config, federation, reload, host, looks)
        for task in tasks:
            task.cancel()


async def test_a_changed_file_changes_relationships_and_the_endpoint(tmp_path: Path) -> None:
    async with following(tmp_path) as bench:
        endpoint = "  endpoint: {listen: '127.0.0.1:7', profile: https_spiffe}\n"
        bench.write(_FEDERATION + _MORE + endpoint)
        await eventually(lambda: bench.names == ["partner.example", "more.example"], _PATIENCE)
        await eventually(lambda: bench.host.settings is not None, _PATIENCE)
        bench.write(_ENTRY)
        await eventually(lambda: bench.names == [], _PATIENCE)
        await eventually(lambda: bench.host.settings is None, _PATIENCE)


async def test_a_bad_file_changes_nothing_until_all_of_it_is_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(tmp_path) as bench:
        bench.write(_FEDERATION + _MORE + "sds: {enabled: maybe}\n")
        await eventually(lambda: bool(mistakes(caplog)), _PATIENCE)
        assert bench.names == ["partner.example"]
        bench.write(_FEDERATION + _MORE)
        await eventually(lambda: bench.names == ["partner.example", "more.example"], _PATIENCE)
        [mistake] = mistakes(caplog)
        assert "accredit.yaml:13: sds.enabled: expected" in mistake


async def test_other_sections_cost_no_second_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(tmp_path) as bench:
        monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # no Python starts without its library
        for ca in (TestCa(PARTNER), TestCa(PARTNER)):
            bench.write(_FEDERATION + _ENTRY)
            bootstrap(tmp_path, ca)
            # Whoever looks at the bootstrap bundle has looked at the sections before.
            wanted = {PARTNER: ca.bundle(sequence=1)}
            await eventually(lambda w=wanted: bench.federation.bundles.bundles == w, _PATIENCE)  # type: ignore[misc]
        assert mistakes(caplog) == []
        bench.reload.reload()
        await eventually(lambda: bool(mistakes(caplog)), _PATIENCE)
        assert "cannot be checked" in mistakes(caplog)[0]


async def test_a_bootstrap_bundle_that_changes_begins_a_fetch(tmp_path: Path) -> None:
    async with following(tmp_path) as bench:
        assert bench.federation.view["error"].startswith("nothing fetched: no X.509 authority")
        for ca in (TestCa(PARTNER), TestCa(PARTNER)):
            failures = bench.federation.view["failures"]
            bootstrap(tmp_path, ca)
            await eventually(lambda f=failures: bench.federation.view["failures"] > f, _PATIENCE)  # type: ignore[misc]
            assert bench.federation.bundles.bundles == {PARTNER: ca.bundle(sequence=1)}
            assert bench.federation.view["error"].startswith("no connection to 127.0.0.1:1")


async def test_whoever_asks_for_a_reload_wants_what_failed_to_be_tried_again(
    tmp_path: Path,
) -> None:
    async with following(tmp_path) as bench:
        bench.reload.reload()
        await eventually(lambda: bench.federation.view["failures"] == 2, _PATIENCE)


async def test_a_file_that_goes_away_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(tmp_path) as bench:
        bench.config.rename(tmp_path / "elsewhere")
        await eventually(lambda: bool(mistakes(caplog)), _PATIENCE)
        assert "accredit.yaml: cannot be read: no such file" in mistakes(caplog)[0]
        assert bench.names == ["partner.example"]
        (tmp_path / "elsewhere").write_text(_HEAD + _FEDERATION + _MORE)
        (tmp_path / "elsewhere").rename(bench.config)
        await eventually(lambda: bench.names == ["partner.example", "more.example"], _PATIENCE)


async def test_a_bundle_from_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    async with following(tmp_path) as bench:
        before = bench.reread
        (tmp_path / "other.json").write_text("a new bundle")
        await eventually(lambda: bench.reread > before, _PATIENCE)


async def test_without_inotify_a_reload_still_reads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("asyncinotify._ffi.libc.inotify_init1", none_left)
    async with following(tmp_path) as bench:
        told = "federation and outputs are not watched: they are read on SIGHUP only"
        assert told in [each.message for each in caplog.records]
        bench.write(_FEDERATION + _MORE)
        bench.reload.reload()
        await eventually(lambda: bench.names == ["partner.example", "more.example"], _PATIENCE)


def mistakes(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return why the section was not reloaded, each time."""
    found = [
        each for each in caplog.records if each.message.startswith("configuration not reloaded")
    ]
    return [str(each.__dict__["error"]) for each in found]


def bootstrap(folder: Path, ca: TestCa) -> None:
    path = folder / "new"
    path.write_bytes(encode_bundle(ca.bundle(sequence=1)))
    path.chmod(0o600)
    path.rename(folder / "bootstrap.json")
