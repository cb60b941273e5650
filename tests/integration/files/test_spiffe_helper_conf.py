"""A real nginx that had spiffe-helper, with the same file."""

from __future__ import annotations

import ssl
from pathlib import Path

from support.agent_process import AgentProcess
from support.eventually import eventually
from support.file_watch import FileWatch, agent_config, leaf
from support.handshakes import Handshakes
from support.nginx import Nginx

_GET = b"GET / HTTP/1.0\r\n\r\n"
ROTATIONS = 5


def helper_conf(folder: Path, agent: AgentProcess, nginx: Nginx) -> Path:
    path = folder / "helper.conf"
    path.write_text(
        f'agent_address = "{agent.socket}"\n'
        f'cert_dir = "{nginx.files}"\n'
        'svid_file_name = "tls.crt"\n'
        'svid_key_file_name = "tls.key"\n'
        'svid_bundle_file_name = "ca.crt"\n'
        f'pid_file_name = "{nginx.pid_file}"\n'
        'renew_signal = "SIGHUP"\n'
        "key_file_mode = 0600\n"
    )
    path.chmod(0o600)
    return path


def trusting(bundle: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(bundle)
    return made


async def another(files: Path, before: int) -> int:
    await eventually(lambda: leaf(files).serial_number != before)
    return leaf(files).serial_number


async def test_nginx_is_served_by_its_helper_conf_through_rotations(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, agent_config(tmp_path, ttl="8s"))
    nginx = Nginx(tmp_path, tmp_path / "files")
    watch = FileWatch(tmp_path, helper_conf(tmp_path, agent, nginx))
    with agent.running(), watch.running():
        watch.until_said("is missing; the program does not run")
        with nginx.running():
            watch.until_said("READY=1", 90)
            load = Handshakes(nginx.port, trusting(nginx.files / "ca.crt"), say=_GET)
            written: list[int] = [leaf(nginx.files).serial_number]
            with load.running():
                for _ in range(ROTATIONS):
                    written.append(await another(nginx.files, written[-1]))
            assert load.failures == [], load.failures[:3]
            served = {f"{serial:x}" for serial in written}
            assert len(served & set(load.serials)) >= ROTATIONS - 1
