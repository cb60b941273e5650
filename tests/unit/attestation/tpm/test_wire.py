from __future__ import annotations

import pytest

from accredit.attestation.tpm.wire import Reader, sized
from accredit.identity.errors import AttestationError


def test_what_is_written_is_read() -> None:
    reader = Reader(sized(b"abc") + b"\x01\x02", "it")
    assert reader.sized() == b"abc"
    assert reader.number(2) == 0x0102
    reader.end()


def test_too_little_and_too_much_are_named() -> None:
    with pytest.raises(AttestationError, match="it ends early"):
        Reader(b"\0", "it").number(2)
    with pytest.raises(AttestationError, match="it has bytes behind its end"):
        Reader(b"\0", "it").end()
    with pytest.raises(AttestationError, match="it holds a buffer of 3 bytes, and 2 are allowed"):
        Reader(sized(b"abc"), "it").sized(2)
