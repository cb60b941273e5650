"""What nft answers, in a network namespace that ends with the program asked for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import needs

_HEAD = """
from accredit.envoy.redirect import nft
from accredit.identity.errors import UnavailableError
"""


def _in_a_namespace(program: str) -> str:
    needs.root()
    needs.program("nft", apt="nftables")
    unshare = needs.program("unshare", apt="util-linux")
    command: list[str | Path] = [unshare, "--net", sys.executable, "-c", _HEAD + program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_what_is_loaded_is_listed_and_what_is_not_is_nothing() -> None:
    program = "nft.load('table inet a { }'); print([nft.listed('a'), nft.listed('b')])"
    assert _in_a_namespace(program) == "['table inet a {\\n}\\n', '']\n"


def test_a_text_is_loaded_as_a_whole_or_not_at_all() -> None:
    program = """
try:
    nft.load("table inet a { }\\ntable inet b { nonsense }")
except UnavailableError as error:
    print(error)
print([nft.listed("a")])
"""
    first, *_, last = _in_a_namespace(program).splitlines()
    assert first.startswith("nft refused: ")
    assert last == "['']"


def test_written_out_is_what_would_be_loaded_and_loads_nothing() -> None:
    text = "table inet a { chain c { tcp dport { 2, 1 } accept; }; }"
    program = f"""
written = nft.written_out({text!r}, "a")
print([nft.listed("a")])
nft.load({text!r})
print(written == nft.listed("a"), "1, 2" in written)
"""
    assert _in_a_namespace(program) == "['']\nTrue True\n"


@pytest.mark.parametrize("call", ["nft.load('x')", "nft.written_out('x', 'a')"])
def test_what_nft_says_is_passed_on(call: str) -> None:
    program = f"try: {call}\nexcept UnavailableError as error: print(error)"
    assert _in_a_namespace(program).startswith("nft refused: /dev/stdin:1:")
