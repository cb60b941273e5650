"""The server's side of TLS."""

from __future__ import annotations

import os
import ssl

import pytest
from support.ca import TestCa
from support.process_facts import open_files

from accredit.agent.bundle_endpoint.tls import server_context

_SVID = TestCa().svid()


@pytest.mark.rows("FS-02", "FS-03")
def test_only_the_suites_of_the_profile_are_offered_and_nobody_is_asked_for_a_certificate() -> None:
    context = server_context(_SVID.chain_pem, _SVID.key_pem)
    names = {each["name"] for each in context.get_ciphers()}
    assert {name for name in names if not name.startswith("TLS_")} == {
        f"ECDHE-{kind}-{suite}"
        for kind in ("ECDSA", "RSA")
        for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    }
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE


def test_the_key_of_another_certificate_is_refused_and_no_descriptor_is_left() -> None:
    before = set(open_files(os.getpid()))
    with pytest.raises(ssl.SSLError, match=r"KEY_VALUES_MISMATCH|key values mismatch"):
        server_context(_SVID.chain_pem, TestCa().svid().key_pem)
    assert set(open_files(os.getpid())) == before
