from __future__ import annotations

import pytest

from accredit.attestation.tpm.connection import Wrapped
from accredit.attestation.tpm.sealing import Sealed, parse_sealed

_SEALED = Sealed(Wrapped(b"public", b"private"), {7: b"\7" * 32, 16: b"\0" * 32})


def test_what_is_written_is_read() -> None:
    assert parse_sealed(_SEALED.to_bytes()) == _SEALED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version": 1', b'"version": 2'),
        (b'"pcrs": {', b'"pcrs": 1, "other": {'),
        (b'"7"', b'"seven"'),
        (b'"7"', b'"-7"'),
        (b'"7"', b'"700"'),
        (b"0707", b"07 7"),
        (b'"public": "', b'"public": "!'),
        (b'"07', b'7, "8": "07'),
        (b'"private": "', b'"private": "' + b"A" * 4000),
        (b"{", b""),
    ],
)
def test_anything_else_is_refused(old: bytes, new: bytes) -> None:
    data = _SEALED.to_bytes()
    assert old in data
    with pytest.raises(ValueError):  # noqa: PT011  the caller names the file; the reasons differ
        parse_sealed(data.replace(old, new, 1))


def test_the_wrapped_half_is_in_no_repr() -> None:
    assert "private=" not in repr(_SEALED)
