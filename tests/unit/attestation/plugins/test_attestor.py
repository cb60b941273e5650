from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import descriptors
from support.calling import Child, calling
from support.plugin import GOOD, installed

from accredit.attestation.attestor import attest
from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.evidence import Evidence
from accredit.attestation.plugins.attestor import PluginAttestor
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.trust import Trust, trust
from accredit.identity.errors import AttestationError
from accredit.identity.selector import Selector

LONG = timedelta(seconds=30)
Make = Callable[..., PluginAttestor]


@pytest.fixture
def child() -> Iterator[Child]:
    with calling() as child:
        yield child


@pytest.fixture
def caller(child: Child) -> KernelCaller:
    return identify(child.sock)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.syspath_prepend(tmp_path)

    def make(body: str = "", source: str = "", **options: Any) -> PluginAttestor:
        """Make one of which only ``attest`` is given, or all."""
        if body:
            source = f"{GOOD}\n    def attest(self, caller):\n        {body}\n"
        installed(tmp_path, source or GOOD)
        return PluginAttestor(PluginSettings("lab", options))

    return make


async def ask(attestor: PluginAttestor, caller: KernelCaller) -> Evidence:
    return await attest(caller, [attestor], LONG)


def values(evidence: Evidence) -> set[str]:
    assert not evidence.partial
    return {str(selector) for selector in evidence.selectors}


async def test_what_it_says_gets_its_type(make: Make, caller: KernelCaller) -> None:
    found = await ask(make(row=7), caller)
    assert values(found) == {f"lab:pid:{caller.pid}", "lab:row:7"}
    assert trust(Selector("lab", "row:7")) is Trust.RUNTIME


async def test_a_type_of_selector_that_is_not_its_own_cannot_be_had(
    make: Make, caller: KernelCaller
) -> None:
    assert values(await ask(make("return ['unix:uid:0']"), caller)) == {"lab:unix:uid:0"}


async def test_it_reads_the_callers_own_folder(make: Make, caller: KernelCaller) -> None:
    body = "yield caller.read('stat').split()[0].decode(); import os; os.fstat(caller.pidfd)"
    body += "; os.close(caller.open('status')); yield 'ns' + str(caller.namespace('mnt')[1])"
    namespace = Path("/proc/self/ns/mnt").stat().st_ino
    assert values(await ask(make(body), caller)) == {f"lab:{caller.pid}", f"lab:ns{namespace}"}


async def test_a_caller_is_good_for_one_look_only(make: Make, caller: KernelCaller) -> None:
    """Its descriptors are somebody else's afterwards."""
    body = (
        "old = getattr(self, 'old', caller); self.old = caller; return [old.read('comm').decode()]"
    )
    attestor = make(body)
    await ask(attestor, caller)
    found = await ask(attestor, caller)
    assert found.failures == {
        "lab": "RuntimeError: a caller can be looked at only while attest runs"
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(7)", "SystemExit: 7"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return open('/nowhere')", "FileNotFoundError: .*'/nowhere'"),
        ("return None", "TypeError: 'NoneType' object is not iterable"),
        ("return 'row:7'", "attest returned a text instead of a list of them"),
        ("return [7]", "attest returned 7, which is no value of a selector"),
        ("return ['a', 'b\\n']", r"attest returned 'b\\n', which is no value of a selector"),
        ("return ['\\udcff']", "which is no value of a selector"),
        ("return ['']", "attest returned a value that will not do"),
        ("return ['a' * 5000]", "attest returned a value that will not do"),
        ("return iter(lambda: 'a', None)", "attest returned more than 256 values"),
        ("yield 'a'; raise ValueError('late')", "ValueError: late"),
        ("raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})", "Mute"),
    ],
)
async def test_one_that_breaks_costs_its_own_selectors(
    make: Make, caller: KernelCaller, body: str, reason: str
) -> None:
    found = await ask(make(body), caller)
    assert found.selectors == frozenset()
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found.failures["lab"])
    assert not found.retry


async def test_where_it_broke_is_told_once(
    make: Make, caller: KernelCaller, caplog: pytest.LogCaptureFixture
) -> None:
    attestor = make("return 1 / 0")
    await ask(attestor, caller)
    await ask(attestor, caller)
    told = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [each.message for each in told] == ["attestor plug-in is broken"]
    assert told[0].exc_info


async def test_one_that_cannot_tell_just_now_is_asked_again(
    make: Make, caller: KernelCaller
) -> None:
    found = await ask(make("raise UnavailableError('the rack is dark')"), caller)
    assert found.failures == {"lab": "UnavailableError: the rack is dark"}
    assert found.retry


async def test_one_that_cannot_be_loaded_is_told_once_and_costs_its_own_selectors(
    make: Make, caller: KernelCaller, caplog: pytest.LogCaptureFixture
) -> None:
    attestor = make(source="import nowhere_to_be_found")
    found = [await ask(attestor, caller) for _ in range(2)]
    assert all("ModuleNotFoundError" in each.failures["lab"] for each in found)
    assert not any(each.retry for each in found)
    messages = [each.message for each in caplog.records]
    assert messages == ["attestor plug-in cannot be used"]


@pytest.mark.parametrize("where", ["when made", "when asked"])
async def test_one_that_hangs_costs_its_own_selectors_and_is_asked_again(
    make: Make, caller: KernelCaller, where: str
) -> None:
    gate = threading.Event()
    if where == "when made":
        made = "self.options = {'made': options['gate'].wait()}"
        attestor = make(source=GOOD.replace("self.options = options", made), gate=gate)
    else:
        attestor = make("self.options['gate'].wait(); return []", gate=gate)
    found = await attest(caller, [attestor], timedelta(milliseconds=200))
    assert found.failures == {"lab": "no answer within 0.2 seconds"}
    assert found.retry
    gate.set()
    assert not (await ask(attestor, caller)).partial


async def test_a_caller_that_exits_meanwhile_is_refused(
    make: Make, caller: KernelCaller, child: Child
) -> None:
    body = "import os; os.kill(caller.pid, 9)"
    body += "; os.waitid(os.P_PIDFD, caller.pidfd, os.WEXITED | os.WNOWAIT); return []"
    with pytest.raises(AttestationError, match=f"caller {caller.pid} has exited"):
        await make(body).attest(caller)
    child.process.wait()


async def test_it_leaves_nothing_open(make: Make, caller: KernelCaller) -> None:
    attestor = make()
    await ask(attestor, caller)
    before = descriptors.count()
    await ask(attestor, caller)
    assert descriptors.count() == before
