from __future__ import annotations

import json
from urllib.parse import quote

from support.ca import TestCa

from accredit.agent.demo.tally import Tally
from accredit.agent.demo.world import CHECKOUT, PAYMENTS, TRUST_DOMAIN
from accredit.identity.x509_svid import X509Svid


def _paid(caller: str | None) -> str:
    return json.dumps({"status": 200, "answer": {"paid": True, "caller": caller}})


def test_an_answer_counts_and_tells_who_called() -> None:
    tally = Tally()
    tally.app_line(_paid(str(CHECKOUT)))
    assert (tally.requests, tally.failures, tally.told) == (1, [], {str(CHECKOUT)})


def test_whatever_is_no_answer_is_a_failure() -> None:
    tally = Tally()
    tally.app_line(json.dumps({"status": 503, "error": "no healthy upstream"}))
    tally.app_line(json.dumps({"status": 0, "error": "connection refused"}))
    assert tally.requests == 2
    assert tally.failures == ["no healthy upstream", "connection refused"]
    assert tally.told == set()


def test_a_rotation_is_a_serial_that_was_not_seen_before() -> None:
    tally = Tally()
    for serial in ("0a", "0a", "0b", "0a", "0b"):
        tally.log_line(json.dumps({"caller": str(CHECKOUT), "caller_serial": serial}))
    assert tally.caller.serials == ["a", "b"]
    assert tally.rotations == 1


def test_the_server_is_known_by_the_certificate_it_showed() -> None:
    issued = TestCa(TRUST_DOMAIN).issue(PAYMENTS)
    svid = X509Svid(PAYMENTS, issued.chain, issued.key)
    tally = Tally()
    shown = {"server": str(PAYMENTS), "server_certificate": quote(svid.chain_pem.decode())}
    news = tally.log_line(json.dumps(shown))
    assert tally.server.spiffe_id == str(PAYMENTS)
    assert tally.server.serials == [svid.serial]
    assert news == f"payments now shows serial {svid.serial}"


def test_lines_that_are_no_access_log_say_nothing() -> None:
    tally = Tally()
    lines = ("[warning] something", json.dumps({"caller": None, "caller_serial": "-"}))
    assert [tally.log_line(line) for line in lines] == [None, None]
    assert tally.rotations == 0
