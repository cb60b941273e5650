"""A data folder that is not as it should be, as the operator of ``accredit run`` meets it."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
from support import needs
from support.agent_process import AgentProcess

from accredit.identity.keys import KeyType, generate, to_pkcs8_pem

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - {{id: /me, selectors: ["unix:uid:{os.geteuid()}"]}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder that an agent has made and left."""
    agent = AgentProcess(tmp_path_factory.mktemp("agent"), _CONFIG)
    with agent.running():
        agent.stop()
    return agent.folder / "data"


@pytest.fixture
def agent(tmp_path: Path, made: Path) -> AgentProcess:
    """Return an agent that does not run yet, with a data folder from before."""
    shutil.copytree(made, tmp_path / "data")
    return AgentProcess(tmp_path, _CONFIG)


def _refusal(agent: AgentProcess) -> str:
    """Run the agent, which is to refuse and to leave everything as it is; return its words."""
    before = _content(agent.folder / "data")
    done = subprocess.run(
        [sys.executable, "-m", "accredit", "run", "-c", agent.config],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert _content(agent.folder / "data") == before
    return done.stderr


def _content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "authority.lock"
    }


def _roots(agent: AgentProcess) -> str:
    with agent.running():
        return agent.command("bundle", "show", "--admin-socket", agent.admin_socket)


def _key(data: Path, kind: str = "x509") -> Path:
    (path,) = (data / "authority/keys").glob(f"{kind}-*.key")
    return path


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other_root(data: Path) -> None:
    """Let the state name a key that is not the one in the folder."""
    database = sqlite3.connect(data / "authority/state.db")
    database.execute("UPDATE signer SET public = (SELECT public FROM signer WHERE kind = 'jwt')")
    database.commit()
    database.close()


def test_the_same_folder_gives_the_same_roots(agent: AgentProcess) -> None:
    first = _roots(agent)
    assert "x509-svid" in first
    assert _roots(agent) == first


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda d: (d / "authority").chmod(0o755),
            r"/authority: is open to other users.*chmod go-",
        ),
        (lambda d: (d / "authority/keys").chmod(0o711), r"/keys: is open to other users.*chmod"),
        (lambda d: _key(d).chmod(0o640), r"/x509-\w+\.key: is open to other users.*0640.*chmod"),
        (lambda d: (d / "authority/state.db").chmod(0o604), r"/state\.db: is open to other users"),
        (lambda d: d.chmod(0o777), r"/data: can be written by others.*chmod go-w"),
        (lambda d: (d / "authority/state.db").unlink(), r"/state\.db: is missing; restore it"),
        (lambda d: _half(d / "authority/state.db"), r"/state\.db: (is damaged|cannot be used)"),
        (lambda d: (d / "authority/state.db").write_bytes(b""), r"/state\.db: is empty"),
        (lambda d: _key(d).unlink(), r"/x509-\w+\.key: is missing; restore it from a backup"),
        (lambda d: _half(_key(d)), r"/x509-\w+\.key: .*cannot be decoded.*restore it"),
        (lambda d: _key(d, "jwt").write_bytes(b""), r"/jwt-\w+\.key: is empty; restore it"),
        (
            lambda d: _key(d).write_bytes(to_pkcs8_pem(generate(KeyType.EC_P256))),
            r"/x509-\w+\.key: does not fit the x509 key in state\.db; restore both",
        ),
        (_other_root, r"/state\.db: is damaged.*restore it from a backup"),
        (lambda d: shutil.rmtree(d / "authority/keys"), r"/keys: is missing; restore it"),
    ],
)
def test_damage_is_named_with_its_cure_and_no_new_authority_is_made(
    agent: AgentProcess, damage: Callable[[Path], object], words: str
) -> None:
    damage(agent.folder / "data")
    assert re.search(words, _refusal(agent))


@pytest.mark.parametrize("name", ["", "authority", "authority/keys", "authority/state.db"])
def test_what_belongs_to_another_user_is_refused(agent: AgentProcess, name: str) -> None:
    needs.root()
    os.chown(agent.folder / "data" / name, 12345, 12345)
    words = rf"{name}: belongs to uid 12345, and accredit runs as uid 0; run: chown -R 0"
    assert re.search(words, _refusal(agent))


def test_another_trust_domain_is_refused(agent: AgentProcess) -> None:
    config = agent.config.read_text().replace("prod.example", "other.example")
    agent.config.write_text(config)
    assert "is the authority of trust domain prod.example, not of other.example" in _refusal(agent)


def test_a_second_agent_is_refused_while_the_first_one_runs(
    agent: AgentProcess, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    second = AgentProcess(tmp_path / "second", _CONFIG)
    (tmp_path / "second/data").symlink_to(tmp_path / "data")
    with agent.running():
        assert f"is in use by another accredit (process {agent.pid})" in _refusal(second)


@contextmanager
def _full_by_limit(agent: AgentProcess) -> Iterator[None]:
    """Let every write of the agent to a file fail."""
    _, hard = resource.prlimit(agent.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def _full_by_data(agent: AgentProcess) -> Iterator[None]:
    """Fill the file system of the data folder to its last byte."""
    filler = agent.folder / "data/filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 1024)
    assert os.statvfs(filler).f_bavail == 0
    yield
    filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 KiB as the data folder."""
    needs.root()
    data = tmp_path / "data"
    data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", data],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount here: {mounted.stderr.strip()}")
    yield data
    subprocess.run(["umount", "--lazy", data], check=True)


def _works_on_a_full_disk(
    agent: AgentProcess,
    full: Callable[[AgentProcess], AbstractContextManager[None]],
) -> None:
    admin = f"--admin-socket={agent.admin_socket}"
    fetch = ("api", "fetch", "x509", f"--socket=unix://{agent.socket}")
    with agent.running():
        before = agent.command("bundle", "show", admin)
        with full(agent):
            refused = subprocess.run(
                [sys.executable, "-m", "accredit", "ca", "rotate", admin],
                capture_output=True,
                text=True,
                check=False,
            )
            assert refused.returncode == 1
            assert str(agent.folder / "data/authority") in refused.stderr
            assert "spiffe://prod.example/me" in agent.command(*fetch)
            assert agent.command("bundle", "show", admin) == before
        agent.command("ca", "rotate", admin)
        after = agent.command("bundle", "show", admin)
        assert after.count("x509-svid") == 2
        agent.kill()
    assert _roots(agent) == after


def test_a_disk_that_fills_up_stops_neither_serving_nor_signing(agent: AgentProcess) -> None:
    _works_on_a_full_disk(agent, _full_by_limit)


def test_a_file_system_that_fills_up_stops_neither_serving_nor_signing(
    small_disk: Path, tmp_path: Path, made: Path
) -> None:
    shutil.copytree(made, small_disk, dirs_exist_ok=True)
    small_disk.chmod(0o700)
    _works_on_a_full_disk(AgentProcess(tmp_path, _CONFIG), _full_by_data)


@pytest.mark.usefixtures("small_disk")
def test_a_first_start_on_a_full_file_system_leaves_nothing_half_made(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, _CONFIG)
    with _full_by_data(agent):
        assert re.search(
            r"/data/authority.*: .*(no space left|full)", _refusal(agent), re.IGNORECASE
        )
        assert not (tmp_path / "data/authority").exists()
    assert "x509-svid" in _roots(agent)
