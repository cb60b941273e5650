from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from accredit.envoy.lint.edit import Remove
from accredit.envoy.lint.place import Place


def test_an_edit_does_not_change() -> None:
    edit = Remove(Place(None, ("a",), 1))
    with pytest.raises(FrozenInstanceError):
        edit.place = Place(None, (), 1)  # type: ignore[misc]
