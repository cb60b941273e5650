"""Two trust domains, two agents, two real Envoys: partners rotate their roots, and part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.load import Load
from support.sidecar import federated
from support.sidecar.federated import FederatedSide, Federation

pytestmark = [pytest.mark.slow]


@pytest.fixture
def federation(folder: Path) -> Iterator[Federation]:
    needs.envoy()
    with federated.running(folder) as found:
        yield found


def _trusted(envoy: EnvoyProcess) -> set[int]:
    return {int(serial, 16) for serial in envoy.roots()}


def _served(load: Load, more: int) -> None:
    """Wait until so many more requests were answered well on connections of either kind."""
    for counts in (load.kept, load.fresh):
        wanted = counts.ok + more
        wait_until(lambda c=counts, w=wanted: c.ok >= w, 60, "more requests")  # type: ignore[misc]


def _handshakes(envoy: EnvoyProcess) -> int:
    return sum(envoy.stats("ssl.handshake$").values())


def _refusals(envoy: EnvoyProcess) -> int:
    return sum(envoy.stats("ssl.fail_verify_error$").values())


@pytest.mark.rows("FS-18", "FC-31", "FC-32")
def test_no_request_fails_while_both_partners_replace_their_roots(federation: Federation) -> None:
    pairs = {federation.shop: federation.server, federation.stock: federation.caller}
    first = {side: side.roots() for side in pairs}
    for side, partners_envoy in pairs.items():
        assert len(first[side]) == 1
        assert _trusted(partners_envoy) == first[side]
    _served(federation.load, 50)
    for side in pairs:
        side.operator("ca", "rotate")
    for side, envoy in pairs.items():
        # The old root is gone: whoever gets through afterwards was signed by the new one.
        wait_until(lambda s=side: not s.roots() & first[s], 120, "a new root alone")  # type: ignore[misc]
        wait_until(lambda s=side, e=envoy: _trusted(e) == s.roots(), 60, "trust in it")  # type: ignore[misc]
    shaken = _handshakes(federation.server)
    wait_until(lambda: _handshakes(federation.server) > shaken + 1, 60, "new handshakes")
    _served(federation.load, 50)
    assert federation.load.failures == [], federation.failures()


@pytest.mark.rows("FC-33")
@pytest.mark.parametrize("who", ["shop", "stock"])
def test_after_a_relationship_has_ended_no_handshake_succeeds(
    federation: Federation, who: str
) -> None:
    side: FederatedSide = getattr(federation, who)
    envoy, load = federation.caller if who == "shop" else federation.server, federation.load
    _served(load, 50)
    assert load.failures == [], federation.failures()
    assert _refusals(envoy) == 0
    side.end_relationship()
    wait_until(lambda: _refusals(envoy) > 5, 60, "handshakes are refused")
    # One that was under way may still end well after the first that is refused.
    shaken, refused = _handshakes(envoy), _refusals(envoy)
    wait_until(lambda: _fails(load, 50), 60, "connections of before have ended")
    assert _fails(load, 100)
    assert _refusals(envoy) > refused + 50
    assert _handshakes(envoy) == shaken
    assert _trusted(envoy) == set()


def _fails(load: Load, times: int) -> bool:
    """Wait until so many more requests have failed; tell whether none went well meanwhile."""
    ok, failed = load.ok, len(load.failures)
    wait_until(lambda: len(load.failures) >= failed + times, 60, "failed requests")
    return load.ok == ok
