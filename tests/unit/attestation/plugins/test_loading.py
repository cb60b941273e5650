from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.plugin import GOOD, installed

from accredit.attestation.plugins.loading import PluginError, load
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.trust import Trust

LAB = PluginSettings("lab", {})
Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    monkeypatch.syspath_prepend(tmp_path)

    def put(source: str, **how: str) -> str:
        return installed(tmp_path, source, **how)

    return put


def test_a_good_one_is_loaded_and_says_whose_word_it_is(install: Install) -> None:
    install(GOOD)
    assert load(LAB).trust is Trust.RUNTIME


def test_one_that_does_not_say_whose_word_it_is_speaks_for_the_workload(install: Install) -> None:
    install(GOOD.replace("trust = Trust.RUNTIME", ""))
    assert load(LAB).trust is Trust.WORKLOAD


def test_whose_word_it_is_may_be_plain_text(install: Install) -> None:
    install(GOOD.replace("Trust.RUNTIME", "'root-owned'"))
    assert load(LAB).trust is Trust.ROOT_OWNED


def test_nothing_is_imported_but_what_is_asked_for(install: Install) -> None:
    module = install(GOOD)
    install("raise RuntimeError", name="other", package="other")
    load(LAB)
    assert module in sys.modules
    assert not any(name.startswith("other_") for name in sys.modules)


def test_one_that_is_not_installed_is_told_with_its_cure() -> None:
    with pytest.raises(PluginError, match=r"no installed package has an entry point 'lab' in the"):
        load(LAB)


def test_two_of_one_name_are_refused(install: Install) -> None:
    install(GOOD)
    install(GOOD, package="other")
    with pytest.raises(PluginError, match="lab-attestor and other both have an entry point 'lab'"):
        load(LAB)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import nowhere_to_be_found",
            "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("Made: int = ", "SyntaxError: invalid syntax"),
        ("made = 1", "AttributeError: module"),
        ("Made = 1", "TypeError: 'int' object is not callable"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Made: pass", "TypeError: Made"),
        ("def Made(options): raise ValueError('no option x')", "ValueError: no option x"),
        ("def Made(options): raise ValueError('a\\nb')", r"ValueError: 'a\\nb'$"),
        ("def Made(options): raise KeyError", "KeyError$"),
        ("Made = dict", "has no method attest"),
        ("class Made(dict): attest = 1", "has no method attest"),
        ("class Made(dict):\n async def attest(self, caller): ...", "has a coroutine for attest"),
        (GOOD.replace("Trust.RUNTIME", "'mine'"), "has trust 'mine'; expected one of kernel, root"),
        (GOOD.replace("Trust.RUNTIME", "[]"), r"has trust '\[\]'; expected one of kernel, root"),
    ],
)
def test_a_bad_one_is_told_with_its_package_and_what_is_wrong(
    install: Install, source: str, reason: str
) -> None:
    install(source)
    with pytest.raises(PluginError, match=f"^lab_attestor_.*:Made of lab-attestor.*{reason}"):
        load(LAB)
