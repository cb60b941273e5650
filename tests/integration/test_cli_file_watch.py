"""``accredit file watch`` as a process against a real agent."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.agent_process import AgentProcess
from support.eventually import eventually
from support.file_watch import FileWatch, agent_config, leaf, spiffe_id

_WEB, _API = "spiffe://prod.example/web", "spiffe://prod.example/api"


class Bench:
    """An agent, and outputs described in a file beside it."""

    def __init__(self, folder: Path, outputs: str, ttl: str = "1h") -> None:
        self.folder = folder
        self.agent = AgentProcess(folder, agent_config(folder, ttl))
        self.described = folder / "outputs.yaml"
        self.describe(outputs)
        self.watch = FileWatch(folder, "-c", self.described)

    def describe(self, outputs: str) -> None:
        self.described.write_text(f"socket: unix://{self.agent.socket}\noutputs:\n{outputs}")
        self.described.chmod(0o600)

    def serial(self, name: str = "o") -> int:
        return leaf(self.folder / name).serial_number

    async def changes(self, before: int, name: str = "o") -> int:
        """Return the next serial once it is there."""
        await eventually(lambda: self.serial(name) != before)
        return self.serial(name)


async def test_files_follow_rotations_and_the_program_is_told_each_time(tmp_path: Path) -> None:
    told = tmp_path / "told"
    copy = f'[sh, -c, "cat {{dir}}/tls.crt >> {told}"]'
    bench = Bench(tmp_path, f"- {{profile: pem, folder: o, reload: {copy}}}\n", ttl="4s")
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1\nSTATUS=1 of 1 outputs served")
        serials = [bench.serial()]
        for _ in range(3):
            serials.append(await bench.changes(serials[-1]))
        assert watch.stop() == 0
    assert told.read_text().count("BEGIN CERTIFICATE") >= 3
    assert "PRIVATE" not in watch.logged()
    assert not any("READY" in each for each in watch.said[:-1])


async def test_tokens_are_renewed_at_half_of_their_lifetime(tmp_path: Path) -> None:
    files = "[{kind: jwt, name: db.jwt, audience: db}, {kind: jwks, name: keys.json}]"
    bench = Bench(tmp_path, f"- {{name: token, folder: o, files: {files}, hint: internal}}\n")
    bench.agent.config.write_text(bench.agent.config.read_text() + "jwt_ttl: 6s\n")
    token = tmp_path / "o/db.jwt"
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1")
        seen = {token.read_text()}
        for _ in range(2):
            await eventually(lambda: token.read_text() not in seen)
            seen.add(token.read_text())
        claims = bench.agent.command(
            *("api", "validate-jwt", "--audience=db", f"--socket=unix://{bench.agent.socket}"),
            *("--svid-file", token),
        )
        assert _WEB in claims
        assert all(each not in watch.logged() for each in seen)


async def test_it_outlives_the_agent_and_goes_on_with_the_next_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "- {profile: pem, folder: o}\n", ttl="6s")
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1")
        bench.agent.kill()
        before = bench.serial()
        watch.until_said("UNAVAILABLE")
        assert bench.serial() == before
        bench.agent.start()
        await bench.changes(before)
        await eventually(lambda: "answers again" in watch.logged())
        assert watch.stop() == 0


async def test_it_may_start_before_the_agent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "- {profile: pem, folder: o}\n")
    with bench.watch.running() as watch:
        watch.until_said("0 of 1 outputs served; pem: FetchX509SVID")
        watch.send(signal.SIGHUP)
        await eventually(lambda: "file read again" in watch.logged())
        assert not any("READY" in each for each in watch.said)
        with bench.agent.running():
            watch.until_said("READY=1")
            assert spiffe_id(tmp_path / "o") == _WEB


async def test_a_withdrawn_identity_stays_in_the_files_until_it_ends_and_is_loud(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, "- {profile: pem, folder: o}\n", ttl="8s")
    entries = bench.agent.config.read_text()
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1")
        bench.agent.config.write_text(entries.split("entries:")[0] + "entries: []\n")
        bench.agent.send(signal.SIGHUP)
        watch.until_said("no registration entry matches the caller")
        before = bench.serial()
        loud = re.compile("ERROR .*withdrawn; files that are there stay until they expire")
        await eventually(lambda: bool(loud.search(watch.logged())))
        await eventually(lambda: "the certificate in the files has expired" in watch.logged())
        assert bench.serial() == before
        bench.agent.config.write_text(entries)
        bench.agent.send(signal.SIGHUP)
        await bench.changes(before)


async def test_sighup_takes_over_what_is_new_and_disturbs_nothing_else(tmp_path: Path) -> None:
    told = tmp_path / "told"
    kept = f'- {{profile: pem, name: kept, folder: o, reload: [sh, -c, "echo x >> {told}"]}}\n'
    bench = Bench(tmp_path, kept + "- {profile: pem, name: goes, folder: p}\n")
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1\nSTATUS=2 of 2")
        bench.describe(kept + "- {profile: pem, name: comes, folder: q, spiffe_id: /api}\n")
        watch.send(signal.SIGHUP)
        watch.until_said("RELOADING=1")
        await eventually((tmp_path / "q/current").exists)
        await eventually((tmp_path / "q/tls.crt").exists)
        assert spiffe_id(tmp_path / "q") == _API
        assert spiffe_id(tmp_path / "p") == _WEB
        bench.describe("- {profile: pom, folder: q}\n")
        watch.send(signal.SIGHUP)
        told_why = re.compile("change not taken over .*'pom' is not a profile")
        await eventually(lambda: bool(told_why.search(watch.logged())))
        assert watch.stop() == 0
    assert told.read_text() == "x\n"


async def test_an_output_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    bad = "- {profile: pem, name: bad, folder: bad, reload: [sh, -c, 'exit 3']}\n"
    bench = Bench(tmp_path, bad + "- {profile: pem, name: good, folder: o}\n", ttl="4s")
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("1 of 2 outputs served; bad: command 'sh' failed with exit code 3")
        first = bench.serial()
        await bench.changes(await bench.changes(first))
        bench.describe("- {profile: pem, name: good, folder: o}\n")
        watch.send(signal.SIGHUP)
        watch.until_said("READY=1")


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGINT])
def test_files_stay_when_it_ends(tmp_path: Path, ended: signal.Signals) -> None:
    bench = Bench(tmp_path, "- {profile: pem, folder: o}\n")
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1")
        watch.send(ended)
        watch.until_said("STOPPING=1")
        assert watch.ended() == 0
    assert spiffe_id(tmp_path / "o") == _WEB


def test_a_second_one_does_not_write_into_the_same_folder(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "- {profile: pem, folder: o}\n")
    (tmp_path / "second").mkdir()
    second = FileWatch(tmp_path / "second", "-c", bench.described)
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1")
        with second.running():
            second.until_said("another accredit writes here")


def test_what_the_endpoint_does_not_offer_ends_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "- {name: k, folder: o, files: [{kind: jwks, name: keys.json}]}\n")
    config = bench.agent.config
    config.write_text(config.read_text() + "workload_api: {jwt_profile: false}\n")
    with bench.agent.running(), bench.watch.running() as watch:
        assert watch.ended() == 1
        assert "cannot go on" in watch.logged()
        assert "UNIMPLEMENTED" in watch.logged()


def test_log_lines_may_be_json(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "- {profile: pem, folder: o}\nlogging: {format: json}\n")
    with bench.agent.running(), bench.watch.running() as watch:
        watch.until_said("READY=1")
        watch.stop()
    assert all(line.startswith("{") for line in watch.logged().splitlines())


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ((), 2, "needs one file"),
        (("a.yaml", "-c", "b.yaml"), 2, "needs one file"),
        (("no-such.yaml",), 1, "cannot be read"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], code: int, reason: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "accredit", "file", "watch", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert reason in done.stderr


async def test_systemd_hears_that_it_lives(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "- {profile: pem, folder: o}\n")
    bench.watch.environment["WATCHDOG_USEC"] = "3000000"
    with bench.agent.running(), bench.watch.running() as watch:
        for _ in range(2):
            watch.until_said("WATCHDOG=1")
        assert watch.stop() == 0


async def test_two_paths_to_one_folder_are_told(tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(tmp_path)
    outputs = "- {name: a, profile: pem, folder: o}\n- {name: b, profile: pem, folder: way/o}\n"
    bench = Bench(tmp_path, outputs)
    with bench.agent.running(), bench.watch.running() as watch:
        await eventually(lambda: "is the folder of output 'a', by another path" in watch.logged())
