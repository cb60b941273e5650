"""A bundle endpoint that lies, stalls, floods or breaks off: what is held stays, and we go on.

Each case is one poll of a real TLS server; the next poll is an honest one, and has to succeed.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.bundle_endpoint import (
    Endpoint,
    Talk,
    document,
    endpoint,
    redirect,
    says,
    server_context,
    whole,
)
from support.ca import TestCa, from_now
from support.federating import PARTNER, SERVER, Federation, federating, relationship
from support.hostile.endpoint_lies import (
    CA,
    GOOD,
    HELD,
    LASTING,
    LIES,
    NEXT,
    PATIENCE,
    SLOW,
    hangs_up_at_once,
    keys,
    silent,
)
from support.peak_memory import fresh_peak, peak

from accredit.identity.bundle import TrustBundle

_MOST_GROWTH_KIB = 64 * 1024
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def _context(folder: Path) -> ssl.SSLContext:
    return server_context(folder, CA.issue(SERVER, **LASTING))


async def _refused(federation: Federation, error: str) -> None:
    """Require that the poll failed for this reason, and changed nothing."""
    view = await federation.polled()
    assert re.search(error, view["error"]), view["error"]
    assert len(view["error"]) < 500
    assert federation.bundles.bundles == {PARTNER: HELD}
    assert federation.told == []


async def _recovers(federation: Federation, server: Endpoint) -> None:
    """Require that the next poll, an honest one, is as good as ever."""
    server.talk = says(document(NEXT))
    assert (await federation.next_poll())["error"] == ""
    assert federation.bundles.bundles == {PARTNER: NEXT}


@pytest.mark.rows("BP-01", "BP-17", "FC-18", "FC-26", "FC-37")
@pytest.mark.parametrize("case", LIES)
async def test_a_lie_changes_nothing_and_takes_little_memory(case: str, tmp_path: Path) -> None:
    talk, error = LIES[case]
    async with endpoint(_context(tmp_path), talk) as server:
        before = fresh_peak()
        async with federating(tmp_path, relationship(server.url()), held=HELD) as federation:
            await _refused(federation, error)
            assert peak() - before < _MOST_GROWTH_KIB
            await _recovers(federation, server)


@pytest.mark.parametrize("case", SLOW)
async def test_a_slow_server_is_given_up(case: str, tmp_path: Path) -> None:
    talk, error = SLOW[case]
    async with endpoint(_context(tmp_path), talk) as server:
        one = relationship(server.url())
        async with federating(tmp_path, one, held=HELD, **PATIENCE) as federation:
            await _refused(federation, error)


async def _says_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(256)) * 256)
    await reader.read()


async def _speaks_plain_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(document(NEXT))
    await writer.drain()


async def _breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x16\x03\x03\x40\x00")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (_says_garbage, "TLS with .* fails"),
        (_speaks_plain_http, "TLS with .* fails"),
        (_breaks_off, "no connection|TLS with .* fails"),
        (hangs_up_at_once, "no connection|TLS with .* fails"),
        (silent, "no TLS connection to .* within 2s"),
    ],
)
async def test_what_is_no_tls_changes_nothing(talk: Talk, error: str, tmp_path: Path) -> None:
    async with endpoint(None, talk) as server:
        one = relationship(server.url())
        async with federating(tmp_path, one, held=HELD, **PATIENCE) as federation:
            await _refused(federation, error)
            await federation.next_poll()
            await _refused(federation, error)
            assert federation.view["failures"] == 2


@pytest.mark.parametrize(
    ("ca", "defects", "error"),
    [
        (TestCa(PARTNER, **LASTING), {}, "validation failed"),
        (TestCa("other.example", **LASTING), {}, "validation failed"),
        (CA, {"uris": ["spiffe://partner.example/other"]}, "is spiffe://partner.example/other"),
        (CA, {"uris": [str(SERVER), "spiffe://partner.example/b"]}, "not a valid X.509-SVID"),
        (CA, {"uris": []}, "not a valid X.509-SVID"),
        (CA, {"uris": ["spiffe://PARTNER.example/bundle-endpoint"]}, "not a valid X.509-SVID"),
        (CA, {"not_after": -5 * _SECOND}, "not valid at validation time"),
        (CA, {"not_before": 30 * _MINUTE}, "not valid at validation time"),
        (CA, {"ca": True}, "not a valid X.509-SVID"),
        (CA, {"usage": ("digital_signature", "key_cert_sign")}, "not a valid X.509-SVID"),
    ],
)
async def test_a_server_that_is_somebody_else_is_asked_nothing(
    ca: TestCa, defects: dict[str, Any], error: str, tmp_path: Path
) -> None:
    issued = ca.issue(SERVER, **{**LASTING, **from_now(**defects)})
    async with endpoint(server_context(tmp_path, issued), says(document(NEXT))) as server:
        async with federating(tmp_path, relationship(server.url()), held=HELD) as federation:
            await _refused(federation, error)
        assert (server.requests, server.connections) == ([], 1)


async def test_tls_of_before_1_2_is_not_spoken(tmp_path: Path) -> None:
    context = _context(tmp_path)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with endpoint(context, says(document(NEXT))) as server:
        async with federating(tmp_path, relationship(server.url()), held=HELD) as federation:
            await _refused(federation, "TLS with .* fails|breaks it off")
        assert server.requests == []


async def test_two_servers_that_redirect_to_each_other_are_left_after_five_turns(
    tmp_path: Path,
) -> None:
    context = _context(tmp_path)
    async with endpoint(context, silent) as one, endpoint(context, silent) as other:
        one.talk, other.talk = says(redirect(302, other.url())), says(redirect(302, one.url()))
        async with federating(tmp_path, relationship(one.url()), held=HELD) as federation:
            await _refused(federation, "more than 5 redirects")
            assert one.connections == other.connections == 3
            await _recovers(federation, one)


async def test_a_name_that_cannot_be_resolved_is_an_error_like_others(tmp_path: Path) -> None:
    one = relationship("https://no-such-host.invalid/")
    async with federating(tmp_path, one, held=HELD) as federation:
        await _refused(federation, "no connection to no-such-host.invalid")


@pytest.mark.rows("BP-03", "BP-04", "BP-05", "BP-16")
async def test_bad_keys_beside_a_good_one_are_left_out_alone(tmp_path: Path) -> None:
    good = json.loads(GOOD)
    x509, jwt = good["keys"]
    bad = [None, 7, {}, {"use": "sig"}, {**x509, "kty": "XYZ"}, {**x509, "x5c": []}]
    bad += [{**x509, "x5c": ["!"]}, {**jwt, "kid": ""}, {**jwt, "x": "AA"}, {**x509, "use": "X"}]
    twice = {**jwt, **{k: x509[k] for k in ("x", "y")}}
    body = json.dumps({**good, "keys": [*bad, x509, jwt, twice]}).encode()
    async with (
        endpoint(_context(tmp_path), says(whole(body))) as server,
        federating(tmp_path, relationship(server.url()), held=HELD) as federation,
    ):
        assert (await federation.polled())["error"] == ""
        assert federation.bundles.bundles == {PARTNER: NEXT}


@pytest.mark.rows("BP-09")
async def test_an_honest_empty_bundle_means_distrust_and_ends_the_polling_of_itself(
    tmp_path: Path,
) -> None:
    async with endpoint(_context(tmp_path), keys(spiffe_sequence=8)) as server:
        async with federating(tmp_path, relationship(server.url()), held=HELD) as federation:
            assert (await federation.polled())["error"] == ""
            assert federation.bundles.bundles == {PARTNER: TrustBundle(PARTNER, sequence=8)}
            assert "no X.509 authority" in (await federation.next_poll())["error"]
        assert server.connections == 1
