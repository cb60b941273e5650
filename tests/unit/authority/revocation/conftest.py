"""What the tests of revocations share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.revoking import opened

from accredit.authority.revocation.revocations import Revocations


@pytest.fixture
def revocations(tmp_path: Path, clock: FakeClock) -> Iterator[Revocations]:
    with opened(tmp_path, clock) as found:
        yield found
