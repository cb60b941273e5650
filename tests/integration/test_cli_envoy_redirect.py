"""``accredit envoy redirect`` as a process: what it loads, where, and what it says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs, net_namespace, other_user, redirecting
from support.cgroup import cgroup
from support.redirecting import APP, INTERCEPT, PASS, accredit, apply, sidecar_file


@pytest.fixture(autouse=True)
def _the_machines_own_rules_stay_as_they_are() -> Iterator[None]:
    with redirecting.machines_own_rules_kept():
        yield


def test_the_rules_of_a_cgroup_that_was_made_anew_are_found_to_be_others(tmp_path: Path) -> None:
    with net_namespace.one() as near, cgroup("accredit-test") as outer:
        inner = outer / "inner"
        inner.mkdir()
        try:
            redirect = f"\n  redirect:\n    cgroups: [{outer.name}/inner]\n"
            file = sidecar_file(tmp_path, redirect)
            apply(near, file)
            assert accredit(file, "--check", "--netns", near.name).returncode == 0
            inner.rmdir()
            inner.mkdir()
            done = accredit(file, "--check", "--netns", near.name)
            assert done.returncode == 1
            assert '+\t\tsocket cgroupv2 level 2 "' in done.stdout
        finally:
            inner.rmdir()


def test_a_cgroup_that_there_is_not_is_named_before_anything_is_loaded(tmp_path: Path) -> None:
    with net_namespace.one() as near:
        file = sidecar_file(tmp_path, "\n  redirect:\n    cgroups: [accredit-test.none]\n")
        done = accredit(file, "--apply", "--netns", near.name)
        assert done.returncode == 1
        assert f"{file}:5: sidecar.redirect.cgroups[0]: there is no cgroup" in done.stderr
        assert near.rules() == ""


def test_loading_again_changes_nothing_and_loading_others_leaves_none_of_the_first(
    tmp_path: Path,
) -> None:
    with net_namespace.one() as near:
        apply(near, sidecar_file(tmp_path))
        first = near.rules()
        assert "tcp dport 90" in first
        apply(near, sidecar_file(tmp_path))
        assert near.rules() == first
        less = '\n  outbound:\n    - {intercept: ["10.77.0.2:81"], expect: [/payments]}\n'
        apply(near, sidecar_file(tmp_path, outbound=less))
        assert "tcp dport 81" in near.rules()
        assert "tcp dport 90" not in near.rules()


def test_what_is_printed_is_what_is_loaded(tmp_path: Path) -> None:
    file = sidecar_file(tmp_path)
    with net_namespace.one() as near, net_namespace.one() as other:
        apply(near, file)
        printed = accredit(file)
        assert printed.returncode == 0
        (tmp_path / "rules").write_text(printed.stdout)
        for _ in range(2):
            other.run("nft", "-f", tmp_path / "rules")
            assert other.rules() == near.rules()


def test_a_check_tells_rules_that_were_changed_by_hand(tmp_path: Path) -> None:
    file = sidecar_file(tmp_path)
    with net_namespace.one() as near:
        done = accredit(file, "--check", "--netns", near.name)
        assert (done.returncode, done.stderr) == (1, "Error: accredit_shop is not loaded here\n")
        apply(near, file)
        done = accredit(file, "--check", "--netns", near.name)
        assert (done.returncode, done.stdout) == (0, "accredit_shop is loaded\n")
        near.run("nft", "insert", "rule", "inet", "accredit_shop", "intercept", "accept")
        done = accredit(file, "--check", "--netns", near.name)
        assert done.returncode == 1
        assert "-\t\taccept\n" in done.stdout
        assert "accredit_shop is loaded with other rules" in done.stderr


def test_a_sidecar_that_runs_as_the_app_is_a_mistake_of_the_file() -> None:
    serve = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]);"
    serve += "s.listen(); print('ready', flush=True); sys.stdin.read()"
    with net_namespace.one() as near, other_user.folder() as folder:
        file = sidecar_file(folder)
        command = ["/usr/bin/python3", "-c", serve, folder / "admin.sock"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, user=APP, **pipes) as sidecar:  # type: ignore[call-overload]
            try:
                assert sidecar.stdout.readline() == b"ready\n"
                done = accredit(file, "--apply", "--netns", near.name)
            finally:
                sidecar.kill()
        assert done.returncode == 1
        assert done.stderr == (
            f"Error: {file}:4: sidecar.redirect: the sidecar itself is of user 54321;"
            " run it apart from the app\n"
        )
        assert near.rules() == ""


def test_a_sidecar_that_does_not_run_yet_is_told(tmp_path: Path) -> None:
    with net_namespace.one() as near:
        done = accredit(sidecar_file(tmp_path), "--apply", "--netns", near.name)
        assert f"warning: nobody serves {tmp_path}/admin.sock" in done.stderr


def _first_process() -> tuple[str | Path, ...]:
    unshare = needs.program("unshare", apt="util-linux")
    return (unshare, "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def test_everybodys_network_namespace_needs_to_be_said(tmp_path: Path) -> None:
    file = sidecar_file(tmp_path)
    done = accredit(file, "--apply", before=_first_process())
    assert done.returncode == 1
    assert "which everything shares that has none of its own" in done.stderr
    assert "--host" in done.stderr
    done = accredit(file, "--apply", "--host", before=_first_process())
    assert (done.returncode, done.stdout) == (0, "loaded accredit_shop\n")


def test_a_namespace_may_be_named_by_its_path(tmp_path: Path) -> None:
    with net_namespace.one() as near:
        path = f"/run/netns/{near.name}"
        done = accredit(sidecar_file(tmp_path), "--apply", "--netns", path)
        assert done.returncode == 0, done.stderr
        assert "accredit_shop" in near.rules()


@pytest.mark.parametrize("name", ["accredit-none", "/etc/hostname", "/run/none"])
def test_what_is_no_namespace_is_told(tmp_path: Path, name: str) -> None:
    done = accredit(sidecar_file(tmp_path), "--apply", "--netns", name)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert name in done.stderr


def test_a_machine_without_nft_is_told_how_to_get_it(tmp_path: Path) -> None:
    hide = "for f in /usr/sbin/nft /sbin/nft; do [ ! -e $f ] || mount --bind /dev/null $f; done;"
    unshare = needs.program("unshare", apt="util-linux")
    before = (unshare, "--net", "--mount", "/bin/sh", "-c", f'{hide} exec "$@"', "sh")
    done = accredit(sidecar_file(tmp_path), "--apply", "--host", before=before)
    assert done.returncode == 1
    assert "apt-get install nftables" in done.stderr


@pytest.mark.parametrize(
    ("redirect", "outbound", "mistake"),
    [
        ("\n  redirect:\n    users:\n      - root\n      - accredit-none\n", INTERCEPT,
         ":7: sidecar.redirect.users[1]: there is no user 'accredit-none' here"),
        ("\n  redirect: {users: ['4294967295']}\n", INTERCEPT, "there is no user '4294967295'"),
        ("", "\n  outbound: [{listen: '127.0.0.1:9001', to: 'a:1', expect: [/b]}]\n",
         "sidecar.redirect: is missing"),
        (PASS, '\n  outbound: [{intercept: ["[fe80::%a; flush ruleset]:80"], expect: [/b]}]\n',
         "expected a network without a zone"),
        (PASS, '\n  outbound:\n    - intercept: ["127.0.0.1:15001"]\n      expect: [/b]\n',
         ":7: sidecar.outbound[0].intercept[0]: 127.0.0.1/32:15001 is where the redirect itself"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(
    tmp_path: Path, redirect: str, outbound: str, mistake: str
) -> None:
    file = sidecar_file(tmp_path, redirect, outbound)
    done = accredit(file)
    assert (done.returncode, done.stdout) == (1, "")
    assert mistake in done.stderr


@pytest.mark.parametrize(
    "options", [("--apply", "--remove"), ("--netns", "x"), ("--host",), ("--check", "--apply")]
)
def test_wrong_use_is_2(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert accredit(sidecar_file(tmp_path), *options).returncode == 2
