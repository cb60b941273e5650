"""The bundle endpoint of a real agent, as strangers and partners see it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from support.agent_process import AgentProcess
from support.endpoint_visitors import Answer, connected, curl, handshake, leaf
from support.eventually import wait_until
from support.ports import free_port

from accredit.identity.bundle import parse_bundle
from accredit.identity.bundle_map import parse_bundle_map
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_verify import verify_x509_svid

_OWN = TrustDomain("prod.example")
_ID = "spiffe://prod.example/accredit/bundle-endpoint"
_CONFIG = """\
trust_domain: prod.example
authority: {{embedded: {{publish_for: 5s, clock_skew: 1s, refresh_hint: 50s, max_x509_ttl: 4s}}}}
federation:
  endpoint:
    listen: 127.0.0.1:{port}
    profile: https_spiffe
    path: /bundle.json
"""


class Served:
    """An agent, and where its bundle is."""

    def __init__(self, agent: AgentProcess, port: int) -> None:
        self.agent = agent
        self.port = port

    def get(self, *arguments: str, path: str = "/bundle.json") -> Answer:
        return curl(f"https://127.0.0.1:{self.port}{path}", "--insecure", *arguments)

    def bundle(self) -> TrustBundle:
        parsed = parse_bundle(_OWN, self.get().body)
        assert not parsed.warnings
        return parsed.bundle

    def sequence(self) -> int:
        found = self.bundle().sequence
        assert found is not None
        return found

    def operator(self, *arguments: str | Path) -> str:
        return self.agent.command(*arguments, "--admin-socket", self.agent.admin_socket)

    def rotate(self) -> None:
        """Begin a rotation as soon as the one before is over."""
        wait_until(lambda: not self._is_rotating())
        self.operator("ca", "rotate")

    def _is_rotating(self) -> bool:
        found = json.loads(self.operator("ca", "show", "--output=json"))
        signers = (*found["roots"], *found["jwt_keys"])
        return any(signer["state"] == "prepared" for signer in signers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port = free_port()
    agent = AgentProcess(tmp_path_factory.mktemp("agent"), _CONFIG.format(port=port))
    with agent.running():
        yield Served(agent, port)


@pytest.mark.rows("FS-01", "FS-03", "FS-04", "FS-06", "FS-07", "BE-02", "BE-05")
def test_anybody_gets_the_bundle_that_the_operator_sees(served: Served) -> None:
    answer = served.get()
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "max-age=5, must-revalidate"
    document = json.loads(answer.body.decode("utf-8"))
    assert document == json.loads(served.operator("bundle", "show"))
    assert document["spiffe_refresh_hint"] == 50
    assert document["spiffe_sequence"] > 0


def test_status_tells_where_partners_find_it(served: Served) -> None:
    where = f"own bundle    https://127.0.0.1:{served.port}/bundle.json (https_spiffe)"
    assert where in served.operator("status")


def test_an_operator_gets_a_map_that_can_be_set_elsewhere(served: Served) -> None:
    text = served.operator("bundle", "show", "--all")
    found = parse_bundle_map(text.encode())
    assert found[_OWN].bundle.x509_authorities == served.bundle().x509_authorities
    with pytest.raises(AssertionError, match="--all goes with no TRUST_DOMAIN"):
        served.operator("bundle", "show", "--all", "prod.example")


@pytest.mark.rows("FS-08")
def test_other_paths_and_methods_are_refused_in_a_line(served: Served) -> None:
    elsewhere = served.get(path="/")
    assert (elsewhere.status, elsewhere.body) == (404, b"the trust bundle is at another path\n")
    posted = served.get("--data", "x")
    assert posted.status in {400, 405}
    deleted = served.get("--request", "DELETE")
    assert (deleted.status, deleted.headers["allow"]) == (405, "GET, HEAD")


def test_a_visitor_who_has_the_bundle_is_told_so(served: Served) -> None:
    tag = served.get().headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = served.get("--header", f"If-None-Match: {known}")
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
    assert served.get("--header", 'If-None-Match: "other"').status == 200
    head = served.get("--head")
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", tag)
    assert int(head.headers["content-length"]) > 500


@pytest.mark.rows("FS-05", "FS-18", "BE-03", "BE-04")
def test_a_rotation_shows_on_the_very_next_request_and_a_restart_forgets_none(
    served: Served,
) -> None:
    before, tag = served.bundle(), served.get().headers["etag"]
    served.rotate()
    answer = served.get("--header", f"If-None-Match: {tag}")
    assert answer.status == 200
    after = parse_bundle(_OWN, answer.body).bundle
    assert set(before.x509_authorities) < set(after.x509_authorities)
    assert after.sequence is not None
    assert before.sequence is not None
    assert after.sequence > before.sequence
    served.agent.kill()
    served.agent.start()
    assert served.sequence() >= after.sequence


@pytest.mark.rows("FS-11")
def test_the_server_shows_an_svid_of_ours_that_rotates_without_a_restart(served: Served) -> None:
    first = shown(served)
    wait_until(lambda: leaf(served.port).serial_number != first.serial_number)
    assert shown(served).not_valid_after_utc > first.not_valid_after_utc


def shown(served: Served) -> x509.Certificate:
    """Return the server's certificate, an SVID that was valid when it was shown."""
    asked = datetime.now(UTC)
    found = leaf(served.port)
    when = max(asked, found.not_valid_before_utc)
    assert str(verify_x509_svid([found], {_OWN: served.bundle()}, when)) == _ID
    return found


@pytest.mark.rows("FS-02")
@pytest.mark.parametrize(
    ("arguments", "agreed"),
    [
        ("-tls1 -cipher DEFAULT@SECLEVEL=0", False),
        ("-tls1_1 -cipher DEFAULT@SECLEVEL=0", False),
        ("-tls1_2 -cipher AES128-GCM-SHA256", False),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", False),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", False),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("-tls1_3", True),
    ],
)
def test_tls_is_of_mozillas_intermediate_profile(
    served: Served, arguments: str, *, agreed: bool
) -> None:
    assert handshake(served.port, *arguments.split()) is agreed


def test_a_partner_federates_with_us_and_follows_our_rotation(
    served: Served, tmp_path: Path
) -> None:
    bootstrap = tmp_path / "bootstrap.json"
    bootstrap.write_text(served.operator("bundle", "show"))
    bootstrap.chmod(0o600)
    partner = AgentProcess(
        tmp_path,
        f"""\
trust_domain: partner.example
federation:
  refresh: 1s
  refresh_min: 1s
  refresh_max: 1s
  relationships:
    - trust_domain: prod.example
      url: https://127.0.0.1:{served.port}/bundle.json
      profile: https_spiffe
      endpoint_spiffe_id: {_ID}
      bootstrap_bundle: bootstrap.json
entries:
  - {{id: /me, selectors: ["unix:uid:{os.geteuid()}"], federates_with: [prod.example]}}
""",
    )
    with partner.running():

        def held() -> Any:
            where = f"--admin-socket={partner.admin_socket}"
            (view,) = json.loads(partner.command("bundle", "list", "--output=json", where))
            return view["bundle"]

        def is_up_to_date() -> bool:
            view = held()
            return bool(view["origin"] == "endpoint" and view["sequence"] == served.sequence())

        wait_until(is_up_to_date)
        before = held()["sequence"]
        served.rotate()
        wait_until(lambda: held()["sequence"] > before and is_up_to_date())


def test_the_endpoint_follows_the_file_and_stays_where_it_is_if_it_cannot_move(
    tmp_path: Path,
) -> None:
    here, there = free_port(), free_port()
    agent = AgentProcess(tmp_path, _CONFIG.format(port=here))
    text = agent.config.read_text()

    def serves(port: int, path: str = "/bundle.json") -> bool:
        try:
            return Served(agent, port).get(path=path).status == 200
        except AssertionError:
            return False

    with agent.running(), socket.create_server(("127.0.0.1", 0)) as taken:
        assert serves(here)
        agent.config.write_text(text.replace(f":{here}", f":{taken.getsockname()[1]}"))
        wait_until(lambda: "bundle endpoint not changed" in agent.log.read_text(), 90)
        wait_until(lambda: serves(here), 90)
        status = Served(agent, here).operator("status")
        assert "bundle endpoint not changed; it stays as it was: " in status
        agent.config.write_text(text.replace(f":{here}", f":{there}").replace("/bundle.json", "/"))
        wait_until(lambda: serves(there, "/"), 90)
        assert not serves(here)
        operator = Served(agent, there).operator
        wait_until(lambda: f"https://127.0.0.1:{there}/ (https_spiffe)" in operator("status"))
        agent.config.write_text(text.partition("federation:")[0])
        wait_until(lambda: not serves(there, "/"), 90)
        wait_until(lambda: "own bundle    not served" in operator("status"))


def test_the_agent_ends_quickly_and_well_while_somebody_is_connected(tmp_path: Path) -> None:
    port = free_port()
    agent = AgentProcess(tmp_path, _CONFIG.format(port=port))
    with agent.running(), connected(port):
        assert agent.stop() == 0
