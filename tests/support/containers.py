"""Real containers by Podman and by Docker, each with everything it has in a folder of its own.

The image is nothing but empty folders: programs come from the host's /usr, mounted read-only, and
so do our own code and its environment. Storage is copied, not layered, so that it works wherever
root does.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support import needs

IMAGE = "localhost/lab/app:1"
_REPOSITORY = Path(__file__).parents[2]
# Views of a machine with both versions of cgroups in which there is one.
V1 = "umount --lazy /sys/fs/cgroup/unified"
V2 = "umount --recursive --lazy /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup"
_IN_VIEW = 'mount --make-rprivate / && {view} && exec "$0" "$@"'
_FOLDERS = ("dev", "etc", "proc", "run", "sys", "tmp", "usr", "var")
_LINKS = ("bin", "lib", "lib64", "sbin")
_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")


class Containers:
    """One runtime; ``socket`` is where its API is while it is being served."""

    def __init__(
        self, folder: Path, command: Sequence[str | Path], service: Sequence[str | Path]
    ) -> None:
        self.folder = folder
        self.socket = folder / "api.sock"
        self._command = [str(each) for each in command]
        self._service = [str(each) for each in service]

    def import_image(self, change: str = "") -> None:
        """Make the image, which takes over the name of an older one."""
        archive = self.folder / "image.tar"
        archive.write_bytes(_image())
        changes = [f"--change={change}"] if change else []
        self.ask("import", *changes, archive, IMAGE)

    def prefixed(self, *arguments: str | Path) -> list[str | Path]:
        """Return a command of the runtime."""
        return [*self._command, *arguments]

    def ask(self, *arguments: str | Path) -> str:
        """Run a command of the runtime; return what it printed."""
        command = self.prefixed(*arguments)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout.strip()

    def command(
        self,
        *program: str | Path,
        mounts: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        labels: Mapping[str, str] | None = None,
        image: str = IMAGE,
        network: str = "none",
        options: Sequence[str] = (),
    ) -> list[str]:
        """Return a command that runs a program in a new container, and ends with it."""
        named = [f"--label={key}={value}" for key, value in (labels or {}).items()]
        shown = [f"--volume={path}:{path}:ro" for path in (*_code(), *mounts)]
        shown += [f"--volume={path}:{path}" for path in writable]
        how = [f"--network={network}", *_LIMITS, *named, *shown, *options]
        return [*self._command, "run", *how, image, *map(str, program)]

    def start(self, *program: str | Path, name: str, **how: object) -> str:
        """Start a container in the background; return its id."""
        options = ("--detach", f"--name={name}")
        command = self.command(*program, options=options, **how)  # type: ignore[arg-type]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def pid(self, name: str) -> int:
        return int(self.ask("inspect", "--format={{.State.Pid}}", name))

    @contextmanager
    def served(self, socket: Path | None = None) -> Iterator[None]:
        """Serve the API meanwhile, at ``self.socket`` or another one."""
        place = socket or self.socket
        with (
            (self.folder / "service.log").open("ab") as log,
            subprocess.Popen(
                [*self._service, f"unix://{place}"], stdout=log, stderr=log
            ) as process,
        ):
            try:
                self._wait_until_served(place, process)
                yield
            finally:
                process.terminate()

    def _wait_until_served(self, socket: Path, process: subprocess.Popen[bytes]) -> None:
        ping = ["curl", "-fsS", "--unix-socket", str(socket), "http://localhost/_ping"]
        until = time.monotonic() + 30
        while subprocess.run(ping, check=False, capture_output=True).returncode != 0:
            assert process.poll() is None, (self.folder / "service.log").read_text()[-2000:]
            assert time.monotonic() < until, (self.folder / "service.log").read_text()[-2000:]
            time.sleep(0.05)


def python(*arguments: str | Path) -> list[str | Path]:
    """Return a command that runs Python with our packages, in a container too."""
    return [sys.executable, *arguments]


@contextmanager
def podman(view: str = "") -> Iterator[Containers]:
    """Lend a Podman without containers; what it runs ends with the block.

    With a ``view`` of cgroups, it sees no others.
    """
    needs.root()
    needs.program("runc", apt="runc")
    with _folder() as folder:
        places = [f"--{what}={folder}/{what}" for what in ("root", "runroot", "tmpdir")]
        seen = ["unshare", "--mount", "/bin/sh", "-c", _IN_VIEW.format(view=view)] if view else []
        command: list[str | Path] = [
            *seen,
            needs.program("podman", apt="podman netavark"),
            *(*places, "--cgroup-manager=cgroupfs", "--events-backend=file"),
            *("--runtime=runc", "--storage-driver=vfs"),
        ]
        found = Containers(folder, command, [*command, "system", "service", "--time=0"])
        try:
            found.import_image()
            yield found
        finally:
            found.ask("rm", "--all", "--force", "--time=0")


@contextmanager
def docker() -> Iterator[Containers]:
    """Lend a Docker whose daemon runs meanwhile."""
    needs.root()
    client = needs.program("docker", apt="docker.io")
    daemon = needs.program("dockerd", apt="docker.io")
    with _folder() as folder:
        service = [
            *(str(daemon), f"--data-root={folder}/data", f"--exec-root={folder}/exec"),
            *(f"--pidfile={folder}/pid", "--bridge=none", "--userland-proxy=false"),
            *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
            *("--storage-driver=vfs", "--host"),
        ]
        found = Containers(folder, [client, f"--host=unix://{folder}/api.sock"], service)
        with found.served():
            try:
                found.import_image()
                yield found
            finally:
                if running := found.ask("ps", "--all", "--quiet").split():
                    found.ask("rm", "--force", *running)


def _image() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in _FOLDERS:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        for name in _LINKS:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
    return content.getvalue()


def _code() -> list[Path]:
    """Return where programs, our code and its environment are."""
    places = [Path("/usr")]
    for each in (sys.base_prefix, sys.prefix, _REPOSITORY):
        path = Path(each)
        if not any(path.is_relative_to(place) for place in places):
            places.append(path)
    return places


@contextmanager
def _folder() -> Iterator[Path]:
    # Below /tmp: the socket of a container's monitor has a long name in it.
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    try:
        yield folder
    finally:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        for place in reversed([line.split()[1] for line in mounts]):
            if place.startswith(f"{folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(folder, ignore_errors=True)
