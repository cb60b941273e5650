from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs
from support.calling import Child, calling

from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.evidence import Evidence
from accredit.attestation.executable import Executables
from accredit.identity.errors import AttestationError

LIMIT = 1 << 30


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A Python of our own, which tests may move, change and unlink."""
    return Path(shutil.copy(os.path.realpath("/usr/bin/python3"), tmp_path / "program"))


@pytest.fixture
def child(program: Path) -> Iterator[Child]:
    with calling(python=program) as child:
        yield child


@pytest.fixture
def caller(child: Child) -> KernelCaller:
    return identify(child.sock)


def _facts(path: Path, content: bytes) -> set[str]:
    return {f"unix:path:{path}", f"unix:sha256:{hashlib.sha256(content).hexdigest()}"}


def _texts(evidence: Evidence) -> set[str]:
    return {str(selector) for selector in evidence.selectors}


async def test_path_and_hash_are_those_of_the_running_program(
    program: Path, caller: KernelCaller
) -> None:
    evidence = await Executables(LIMIT).evidence(caller)
    assert _texts(evidence) == _facts(program, program.read_bytes())
    assert not evidence.partial


async def test_what_lies_at_its_path_by_now_is_not_what_runs(program: Path, child: Child) -> None:
    moved = program.rename(program.with_name("moved"))
    shutil.copy("/bin/true", program)
    evidence = await Executables(LIMIT).evidence(identify(child.sock))
    assert _texts(evidence) == _facts(moved, moved.read_bytes())


async def test_a_hash_is_remembered_for_as_long_as_the_file_is_the_same(
    program: Path, child: Child
) -> None:
    executables = Executables(LIMIT)
    before = await executables.evidence(identify(child.sock))
    assert await executables.evidence(identify(child.sock)) == before
    assert len(executables._hashes) == 1
    os.utime(program)
    assert await executables.evidence(identify(child.sock)) == before
    assert len(executables._hashes) == 2


async def test_a_deleted_program_has_neither_path_nor_hash(
    program: Path, caller: KernelCaller
) -> None:
    program.unlink()
    evidence = await Executables(LIMIT).evidence(caller)
    assert evidence == Evidence(
        frozenset(),
        dict.fromkeys(("unix:path", "unix:sha256"), "the program has been deleted"),
    )


async def test_a_name_that_ends_like_a_deleted_one_is_taken_for_one(tmp_path: Path) -> None:
    named = tmp_path / "program (deleted)"
    shutil.copy(os.path.realpath("/usr/bin/python3"), named)
    with calling(python=named) as child:
        evidence = await Executables(LIMIT).evidence(identify(child.sock))
    assert evidence.failures["unix:path"] == "the program has been deleted"


async def test_a_path_that_is_not_utf8_is_none(tmp_path: Path) -> None:
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    shutil.copy(os.path.realpath("/usr/bin/python3"), named)
    with calling(python=named) as child:
        evidence = await Executables(LIMIT).evidence(identify(child.sock))
    assert evidence.selectors == frozenset()
    assert evidence.failures["unix:path"] == "the path of the program is not UTF-8"


async def test_a_program_larger_than_the_limit_has_a_path_and_no_hash(
    program: Path, caller: KernelCaller
) -> None:
    size = program.stat().st_size
    evidence = await Executables(size - 1).evidence(caller)
    assert _texts(evidence) == {f"unix:path:{program}"}
    assert evidence.failures == {
        "unix:sha256": f"the program has {size} bytes, more than {size - 1}"
    }
    assert not evidence.retry
    assert not (await Executables(size).evidence(caller)).partial


async def test_a_user_cannot_borrow_a_path_by_mounting_over_it(program: Path) -> None:
    unshare = needs.program("unshare", apt="util-linux")
    mount = f"mount --bind {program} /usr/bin/true && exec /usr/bin/true"
    with calling(
        unshare, "--user", "--map-root-user", "--mount", "sh", "-c", f'{mount} "$@"', python="sh"
    ) as child:
        caller = identify(child.sock)
        assert Path(f"/proc/{caller.pid}/exe").readlink() == Path("/usr/bin/true")
        evidence = await Executables(LIMIT).evidence(caller)
    assert evidence.selectors == frozenset()
    assert evidence.failures["unix:path"] == "its mounts are its own, so its paths prove nothing"


async def test_a_caller_that_became_another_program_has_nothing(
    child: Child, caller: KernelCaller
) -> None:
    child.become("/bin/sleep", "60")
    with pytest.raises(AttestationError, match="runs another program"):
        await Executables(LIMIT).evidence(caller)


async def test_what_is_remembered_is_bounded(child: Child) -> None:
    executables = Executables(LIMIT)
    executables._hashes.update({(number,): "" for number in range(1024)})
    await executables.evidence(identify(child.sock))
    assert len(executables._hashes) == 1024
