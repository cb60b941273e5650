"""A path or a hash is given to the honest program and to nothing dressed up as it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.hostile import asking
from support.hostile.agent import open_to_all
from support.hostile.asking import RefusedError
from support.hostile.channel import channel
from support.hostile.puppet import Puppet, puppet

pytestmark = [pytest.mark.root, pytest.mark.rows("WE-20")]

_OTHER = 54321
_BY_PATH = "spiffe://prod.example/by-path"
_BY_HASH = "spiffe://prod.example/by-hash"
_NOBODY = "PERMISSION_DENIED: no registration entry matches the caller"
_ENTRIES = """\
trust_domain: prod.example
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {{id: /by-path, selectors: ["unix:uid:{uid}", "unix:path:{path}"]}}
  - {{id: /by-hash, selectors: ["unix:uid:{uid}", "unix:sha256:{digest}"]}}
"""
_NAMESPACES = ("--user", "--map-root-user", "--mount")
_BIND = 'mount --bind "$0" "$1" && shift && exec "$@"'


class World(NamedTuple):
    """An agent, the program that its entries name, and another one; both run our puppets."""

    agent: AgentProcess
    honest: Path
    evil: Path


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    needs.root()
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    folder.chmod(0o755)
    honest, evil = folder / "honest", folder / "evil"
    for program in (honest, evil):
        shutil.copy(Path("/usr/bin/python3").resolve(), program)
    with evil.open("ab") as file:
        file.write(b"evil")
    digest = hashlib.sha256(honest.read_bytes()).hexdigest()
    try:
        with open_to_all(_ENTRIES.format(uid=_OTHER, path=honest, digest=digest)) as agent:
            yield World(agent, honest, evil)
    finally:
        shutil.rmtree(folder)


def given(world: World, program: Path, *wrapper: str | Path) -> list[str]:
    """Return the IDs of the other user's ``program``."""
    with puppet(world.agent.socket, *wrapper, uid=_OTHER, python=program) as caller:
        return asked(caller)


def asked(caller: Puppet) -> list[str]:
    with caller.connect() as sock, channel(sock) as speaking:
        return asking.x509(speaking)


def test_the_honest_program_is_who_its_path_and_its_hash_say(world: World) -> None:
    assert given(world, world.honest) == [_BY_PATH, _BY_HASH]


def test_a_copy_elsewhere_has_the_hash_and_not_the_path(world: World) -> None:
    copy = world.honest.with_name("copy")
    shutil.copy(world.honest, copy)
    assert given(world, copy) == [_BY_HASH]


def test_a_link_to_the_path_makes_no_other_program_it(world: World) -> None:
    link = world.evil.with_name("link")
    link.symlink_to(world.evil)
    with pytest.raises(RefusedError, match=_NOBODY):
        given(world, link)


def test_another_user_running_the_honest_program_is_another(world: World) -> None:
    with (
        puppet(world.agent.socket, uid=_OTHER + 1, python=world.honest) as caller,
        pytest.raises(RefusedError, match=_NOBODY),
    ):
        asked(caller)


@pytest.fixture
def unshare() -> Path:
    program = needs.program("unshare", apt="util-linux")
    command: list[str | Path] = [program, *_NAMESPACES, "true"]
    done = subprocess.run(command, user=_OTHER, group=_OTHER, check=False, capture_output=True)
    if done.returncode:
        pytest.skip("ordinary users may not make user namespaces here")
    return program


def test_a_program_mounted_over_the_path_in_mounts_of_ones_own_is_not_the_path(
    world: World, unshare: Path
) -> None:
    bind = ("sh", "-c", _BIND, world.evil, world.honest)
    with pytest.raises(RefusedError, match=_NOBODY):
        given(world, world.honest, unshare, *_NAMESPACES, *bind)


def test_even_the_honest_program_proves_nothing_in_mounts_of_ones_own(
    world: World, unshare: Path
) -> None:
    with pytest.raises(RefusedError, match=_NOBODY):
        given(world, world.honest, unshare, *_NAMESPACES)


def test_mounts_an_administrator_arranged_are_believed(world: World, unshare: Path) -> None:
    setpriv = needs.program("setpriv", apt="util-linux")
    ids = ("--reuid", str(_OTHER), "--regid", str(_OTHER), "--clear-groups")
    wrapper = (unshare, "--mount", setpriv, *ids)
    with puppet(world.agent.socket, *wrapper, python=world.honest) as caller:
        assert asked(caller) == [_BY_PATH, _BY_HASH]


def test_a_program_deleted_before_it_connects_is_neither(world: World) -> None:
    doomed = world.honest.with_name("doomed")
    shutil.copy(world.honest, doomed)
    with puppet(world.agent.socket, uid=_OTHER, python=doomed) as caller:
        assert caller.ask("os.getpid()") == str(caller.process.pid)  # it runs
        doomed.unlink()
        with pytest.raises(RefusedError, match=_NOBODY):
            asked(caller)


def test_a_program_put_in_the_place_of_another_has_the_path_and_not_the_hash(world: World) -> None:
    with replaced_by(world.honest, world.evil):
        assert given(world, world.honest) == [_BY_PATH]  # whoever may write there decides


@contextmanager
def replaced_by(path: Path, other: Path) -> Iterator[None]:
    kept = path.with_name("kept")
    path.rename(kept)
    shutil.copy(other, path)
    try:
        yield
    finally:
        kept.rename(path)
