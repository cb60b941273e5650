"""A program: an authority whose keys move to another way dies all along the move.

``sealing_deaths.py FOLDER`` lets it die by SIGKILL before every other line of the modules that
touch the disk, on the way from plain to sealed keys and back. After each death the same keys must
be there, and the move be finished by the next start, to whichever way that asks for. Prints how
many died.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from support.clock import FakeClock
from support.deaths import AtLine, Tell, checked, in_child
from support.embedded import TRUST_DOMAIN
from support.fake_sealer import FakeSealer

from accredit.authority.embedded.keeping import Way
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import first
from accredit.authority.embedded.vault import Vault
from accredit.identity.keys import key_id

_DISK = ("key_folder.py", "sealed.py", "folder.py")
_READS = (
    *("_bound_to", "_check_file", "_check_private", "_file", "_keeper", "_mode", "_no_link"),
    *("_unpacked", "_way", "check_data_dir", "check_private_file", "check_private_folder"),
    *("__init__", "is_current", "lock", "pack", "read_private", "unpack", "unseal", "way_of"),
)


def _open(data_dir: Path, way: Way, sealer: FakeSealer, tell: Tell) -> None:
    make = partial(first, TRUST_DOMAIN, EmbeddedSettings(), FakeClock())
    with closing(Vault.open(data_dir, TRUST_DOMAIN, make, sealer.ways(way))) as vault:
        assert {key_id(key.public_key()) for key in vault.keys.values()} == set(vault.keys)
        authority = data_dir / "authority"
        suffixes = {path.suffix for path in (authority / "keys").iterdir()}
        assert suffixes == {str(way)}, suffixes
        assert (authority / "wrapping.tpm").exists() == (way is Way.SEALED)
        tell({"keys": sorted(vault.keys)})


def _finished(data_dir: Path, way: Way, tell: Tell) -> None:
    for after in (way, Way.PLAIN, Way.SEALED):
        _open(data_dir, after, FakeSealer(), tell)


def _deaths(work: Path, base: Path, way: Way, sealer: FakeSealer, keys: Any) -> int:
    """Return after how many deaths the move was done."""
    status = -signal.SIGKILL
    for line in count(0, 2):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(base, work)
        status, _ = in_child(partial(_open, work, way, sealer), AtLine(_DISK, _READS, line))
        assert checked(partial(_finished, work, way)) == [{"keys": keys}] * 3
        if status == 0:
            return line // 2
        assert status == -signal.SIGKILL, status
    raise AssertionError


def _main(folder: Path) -> None:
    deaths: dict[str, int] = {}
    for before, after, sealer in (
        (Way.PLAIN, Way.SEALED, FakeSealer()),
        (Way.SEALED, Way.PLAIN, FakeSealer()),
        (Way.SEALED, Way.SEALED, FakeSealer(current=False)),
    ):
        base, work = folder / f"base-{len(deaths)}", folder / "work"
        base.mkdir(mode=0o700)
        [told] = checked(partial(_open, base, before, FakeSealer()))
        name = f"{before.name}-{after.name}"
        deaths[name] = _deaths(work, base, after, sealer, told["keys"])
    print(json.dumps(deaths))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
