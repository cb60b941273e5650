"""``accredit file`` at a real SPIRE Agent."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs, spire
from support.ca import TestCa
from support.eventually import eventually
from support.file_watch import FileWatch, file, leaf, spiffe_id
from support.spire import SpireAgent

PARTNER = TestCa("partner.example")
_WEB, _API = "spiffe://prod.example/web", "spiffe://prod.example/api"
_HELPER = """
agent_address = "{socket}"
cmd = ""
cmd_args = ""
cert_dir = "{folder}"
renew_signal = ""
svid_file_name = "svid.pem"
svid_key_file_name = "svid_key.pem"
svid_bundle_file_name = "svid_bundle.pem"
jwt_svids = [{{jwt_audience="db", jwt_svid_file_name="db.token"}}]
jwt_bundle_file_name = "keys.json"
include_federated_domains = true
hint = "internal"
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpireAgent]:
    """One where we are two, of which the second has a hint and a partner."""
    with spire.running(tmp_path_factory.mktemp("spire")) as running:
        running.server.set_bundle(PARTNER.bundle())
        running.create("/api", "-entryID", "1")
        partner = ("-federatesWith", "spiffe://partner.example")
        running.create("/web", "-entryID", "2", "-hint", "internal", *partner)
        yield running


def at(agent: SpireAgent) -> str:
    return f"--socket=unix://{agent.socket}"


def verified(folder: Path, chain: str, roots: str) -> None:
    openssl = needs.program("openssl", apt="openssl")
    verify = ["verify", "-CAfile", folder / roots, folder / chain]
    subprocess.run([openssl, *map(str, verify)], check=True, capture_output=True)


def test_a_profiles_files_are_there_when_it_ends(agent: SpireAgent, tmp_path: Path) -> None:
    done = file("once", "--profile=nginx", "--dir", tmp_path, "--hint=internal", at(agent))
    assert (done.returncode, done.stderr) == (0, "")
    assert spiffe_id(tmp_path) == _WEB
    verified(tmp_path, "tls.crt", "ca.crt")
    assert (tmp_path / "ca-partner.example.crt").read_bytes() == PARTNER.bundle().x509_pem


@pytest.mark.parametrize(
    ("option", "wanted"), [((), _API), (("--hint=internal",), _WEB), (("--spiffe-id=/web",), _WEB)]
)
def test_without_a_choice_spires_first_identity_is_taken(
    agent: SpireAgent, tmp_path: Path, option: tuple[str, ...], wanted: str
) -> None:
    done = file("once", "--profile=pem", "--dir", tmp_path, *option, "--audience=db", at(agent))
    assert done.returncode == 0, done.stderr
    assert spiffe_id(tmp_path) == wanted
    claims = file_token(agent, tmp_path / "db.jwt")
    assert wanted in claims


def file_token(agent: SpireAgent, token: Path) -> str:
    """Return what SPIRE says of the token in a file."""
    validate = ("-audience", "db", "-svid", token.read_text().strip(), "-socketPath", agent.socket)
    done = subprocess.run(
        [needs.spire() / "spire-agent", "api", "validate", "jwt", *validate],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


async def test_a_watch_follows_rotations_a_restart_and_entries_that_go_and_come(
    tmp_path: Path,
) -> None:
    out, described = tmp_path / "o", tmp_path / "files.yaml"
    with spire.running(tmp_path) as agent:
        described.write_text(
            f"socket: unix://{agent.socket}\noutputs:\n"
            f"- {{profile: pem, folder: {out}, hint: internal}}\n"
        )
        described.chmod(0o600)
        with FileWatch(tmp_path, "-c", described).running() as watch:
            watch.until_said("0 of 1 outputs served; pem: FetchX509SVID")
            agent.create("/api")
            watch.until_said("no identity of this process is hint 'internal'")
            web = agent.create("/web", "-hint", "internal", ttl=16)
            watch.until_said("READY=1\nSTATUS=1 of 1 outputs served")
            before = serial(out)
            for _ in range(2):
                before = await changed(out, before)
            agent.stop()
            watch.until_said("UNAVAILABLE")
            before = serial(out)
            agent.start()
            await changed(out, before)
            agent.delete(web)
            await eventually(lambda: "withdrawn; files that are there stay" in watch.logged())
            await eventually(lambda: "certificate in the files has expired" in watch.logged(), 60)
            before = serial(out)
            agent.create("/web", "-hint", "internal")
            await changed(out, before)
            assert watch.stop() == 0
    assert "PRIVATE" not in watch.logged()


def serial(folder: Path) -> int:
    return leaf(folder).serial_number


async def changed(folder: Path, before: int) -> int:
    """Return the next serial once it is there."""
    await eventually(lambda: serial(folder) != before, 60)
    return serial(folder)


async def test_tokens_are_renewed_though_spire_keeps_them_for_half_of_their_lifetime(
    tmp_path: Path,
) -> None:
    with spire.running(tmp_path) as agent:
        agent.create("/web", "-jwtSVIDTTL", "12")
        described = tmp_path / "files.yaml"
        described.write_text(
            f"socket: unix://{agent.socket}\noutputs:\n"
            f"- name: token\n  folder: {tmp_path}/o\n"
            "  files: [{kind: jwt, name: db.jwt, audience: db}]\n"
        )
        described.chmod(0o600)
        with FileWatch(tmp_path, "-c", described).running() as watch:
            watch.until_said("READY=1")
            written = tmp_path / "o/db.jwt"
            tokens: list[str] = []
            while len(tokens) < 3:
                await eventually(lambda: written.read_text() not in tokens, 60)
                assert _WEB in file_token(agent, written)
                tokens.append(written.read_text())
            assert "WARNING" not in watch.logged().partition("ready")[2]


def test_spiffe_helpers_configuration_serves_as_it_is(agent: SpireAgent, tmp_path: Path) -> None:
    out, helper = tmp_path / "o", tmp_path / "helper.conf"
    helper.write_text(_HELPER.format(socket=agent.socket, folder=out))
    with FileWatch(tmp_path, helper).running() as watch:
        watch.until_said("READY=1")
    assert spiffe_id(out, "svid.pem") == _WEB
    verified(out, "svid.pem", "svid_bundle.pem")
    assert _WEB in file_token(agent, out / "db.token")
    found = {each.name for each in (out / "current").iterdir()}

    converted = tmp_path / "converted.yaml"
    converted.write_text(file("convert", helper).stdout.replace(str(out), str(tmp_path / "p")))
    converted.chmod(0o600)
    done = file("once", "-c", converted)
    assert done.returncode == 0, done.stderr
    assert {each.name for each in (tmp_path / "p/current").iterdir()} == found
    assert {"svid_bundle-partner.example.pem", "keys-partner.example.json"} <= found
