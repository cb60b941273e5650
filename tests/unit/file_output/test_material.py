from __future__ import annotations

from support.ca import TestCa
from support.file_sets import material, token

CA = TestCa()


def test_its_repr_shows_neither_key_nor_token() -> None:
    secret = token(CA, "db")
    found = material(CA, tokens={"db": secret})
    assert found.svid is not None
    shown = repr(found)
    assert secret not in shown
    assert found.svid.key_pem.decode()[40:80] not in shown
    assert "spiffe://td.example/a" in shown
