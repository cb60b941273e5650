"""What administrators may ask, of real objects in a folder of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.clock import FakeClock

from accredit.agent.administration import Administration, Ledgers
from accredit.agent.config import load_config
from accredit.agent.endpoint_host import EndpointHost
from accredit.agent.federation import fetcher
from accredit.agent.section_reload import SectionReload
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.entry_source import EntrySource
from accredit.authority.federation.polling import BundlePolling
from accredit.authority.revocation.crls import Trusted
from accredit.authority.revocation.record import Issued
from accredit.identity.bundle import parse_bundle
from accredit.identity.bundle_map import parse_bundle_map
from accredit.identity.errors import ConfigError, RequestError
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.identities import Identities

_CONFIG = """\
trust_domain: prod.example
data_dir: data
socket: api.sock
admin_socket: admin.sock
entries:
  - {id: /a, selectors: ["unix:uid:1"]}
  - {id: /a, selectors: ["unix:uid:2"]}
  - {id: /b, selectors: ["unix:uid:1"]}
"""


class Bench:
    """An administration and the file it stands on."""

    def __init__(self, administration: Administration, config: Path, clock: FakeClock) -> None:
        self.administration = administration
        self.config = config
        self.clock = clock

    async def ask(self, method: str, **params: object) -> Any:
        return await self.administration.methods[method](params)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    config = tmp_path / "accredit.yaml"
    config.write_text(_CONFIG)
    config.chmod(0o600)
    plan, clock = load_config(config).plan(config), FakeClock()
    entries = EntrySource(plan.entry_files)
    entries.load()
    with closing(
        EmbeddedAuthority.open(plan.data_dir, plan.trust_domain, plan.embedded, clock, entries)
    ) as authority:
        identities = Identities(authority, clock)
        polling = BundlePolling(
            authority.federation, plan.federation, fetcher(authority, clock), clock
        )
        administration = Administration(
            plan,
            entries,
            authority,
            identities,
            Ledgers(),
            clock,
            SectionReload(config, polling, EndpointHost(None, lambda _: ())),
        )
        yield Bench(administration, config, clock)


async def test_status_tells_places_and_counts(bench: Bench) -> None:
    status = await bench.ask("status")
    assert status["trust_domain"] == "prod.example"
    assert status["started"] == status["now"] == "2026-01-01T00:00:00Z"
    assert status["socket"] == str(bench.config.parent / "api.sock")
    assert (status["entries"], status["bundles"]) == (3, ["prod.example"])
    assert status["rotation"]["entries"] == []
    assert status["federation"] == []
    assert status["sds"] is None


async def test_entries_come_in_the_order_of_the_file(bench: Bench) -> None:
    entries = await bench.ask("entries")
    assert [entry["source"].rpartition(":")[2] for entry in entries] == ["6", "7", "8"]


@pytest.mark.parametrize(("name", "count"), [("/a", 2), ("spiffe://prod.example/a", 2), ("/b", 1)])
async def test_an_entry_is_found_by_path_and_spiffe_id(bench: Bench, name: str, count: int) -> None:
    assert len(await bench.ask("entry", name=name)) == count


async def test_an_entry_is_found_by_its_id(bench: Bench) -> None:
    [first, *_] = await bench.ask("entries")
    assert await bench.ask("entry", name=first["entry_id"]) == [first]


@pytest.mark.parametrize("params", [{}, {"name": "/c"}, {"name": ["/a"]}])
async def test_an_entry_that_is_not_there_is_named(bench: Bench, params: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"no entry has .* as its id, SPIFFE ID or path"):
        await bench.ask("entry", **params)


async def test_the_own_bundle_is_shown_unless_another_is_named(bench: Bench) -> None:
    document = await bench.ask("bundle")
    assert document == await bench.ask("bundle", trust_domain="prod.example", format="spiffe")
    bundle = parse_bundle(TrustDomain("prod.example"), document.encode()).bundle
    assert (await bench.ask("bundle", format="pem")).encode() == bundle.x509_pem


@pytest.mark.parametrize(
    ("name", "message"),
    [("other.example", "no bundle of trust domain other.example"), ("A/B", "is not a SPIFFE ID")],
)
async def test_a_bundle_that_is_not_there_is_named(bench: Bench, name: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        await bench.ask("bundle", trust_domain=name)


async def test_a_rotation_is_begun_once(bench: Bench) -> None:
    begun = await bench.ask("ca.rotate")
    assert begun["started"]
    assert {step["action"] for step in begun["next_steps"]} == {"activate"}
    shown = await bench.ask("ca.show")
    assert [root["state"] for root in shown["roots"]] == ["active", "prepared"]
    again = await bench.ask("ca.rotate")
    assert (again["started"], again["reason"]) == (False, "a rotation is under way")


async def test_a_reload_checks_first(bench: Bench) -> None:
    assert await bench.ask("reload") == {"entries": 3}
    bench.config.write_text(_CONFIG + "  - {id: b}\n")
    with pytest.raises(ConfigError, match=r"accredit\.yaml:9: entries\[3\]\.id: expected a path"):
        await bench.ask("reload")


def test_the_supervisor_is_told_one_line(bench: Bench) -> None:
    socket = bench.config.parent / "api.sock"
    assert bench.administration.status_line() == f"prod.example at {socket}: 3 entries"


async def test_health_tells_what_is_wrong(bench: Bench) -> None:
    assert await bench.ask("health") == {"healthy": True, "problems": []}
    bench.clock.jump(timedelta(days=31))
    health = await bench.ask("health")
    assert not health["healthy"]
    assert health["problems"][0] == "the root that signs is not valid at this time of the clock"


async def test_all_bundles_come_as_one_map(bench: Bench) -> None:
    found = parse_bundle_map((await bench.ask("bundle.map")).encode())
    (own,) = found.values()
    assert set(found) == {TrustDomain("prod.example")}
    assert own.bundle.x509_authorities
    assert (await bench.ask("status"))["bundle_endpoint"] is None


async def test_a_revoked_entry_is_shown_as_such_and_does_not_count(bench: Bench) -> None:
    [first, *_] = await bench.ask("entries")
    revocations = bench.administration._authority.revocations
    revocations.revoke_entry(first["entry_id"], first["id"])
    assert [entry["revoked"] for entry in await bench.ask("entries")] == [True, False, False]
    assert (await bench.ask("entry", name=first["entry_id"]))[0]["revoked"] is True
    status = await bench.ask("status")
    assert (status["entries"], status["revoked"]["entries"]) == (2, 1)


async def test_health_tells_of_revocation_that_reaches_nobody(bench: Bench) -> None:
    authority = bench.administration._authority
    assert await bench.ask("health") == {"healthy": True, "problems": []}
    root = authority.revocations.roots[0]
    policy = authority.revocations._lists.trusted.policy
    svid = Issued(1, root.kid, "a", "spiffe://prod.example/a", bench.clock.now())
    authority.revocations.revoke(svid)
    assert (await bench.ask("health"))["healthy"]
    authority.revocations._lists.held = {}
    authority.revocations.trust(Trusted((replace(root, key=None),), policy))
    health = await bench.ask("health")
    assert not health["healthy"]
    assert "nobody has the key of root" in health["problems"][0]


async def test_health_tells_of_serials_that_are_not_on_the_disk(bench: Bench) -> None:
    revocations = bench.administration._authority.revocations
    revocations._store._database.execute("PRAGMA query_only = 1")  # SQLite refuses every write
    end = bench.clock.now() + timedelta(hours=1)
    revocations.note(Issued(1, "root", "a", "spiffe://prod.example/a", end))
    await asyncio.sleep(0)
    [told] = (await bench.ask("health"))["problems"]
    assert told.startswith("issued serials are not written down; a restart would forget them: ")
    revocations._store._database.execute("PRAGMA query_only = 0")
