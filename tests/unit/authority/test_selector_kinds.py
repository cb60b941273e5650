from __future__ import annotations

import pytest

from accredit.authority.selector_kinds import mistake_in
from accredit.identity.selector import Selector


@pytest.mark.parametrize(
    "text",
    [
        "unix:uid:0",
        "unix:uid:4294967295",
        "unix:user:web-1",
        r"unix:user:CORP\domain users",
        "unix:gid:1000",
        "unix:group:staff",
        "unix:supplementary_gid:27",
        "unix:supplementary_group:docker",
        "unix:path:/usr/bin/odd:name",
        "unix:sha256:" + "0a" * 32,
        "output:nginx",
        "output:the web:443",
        "k8s:ns:payments",
        "docker:label:a:b",
    ],
)
def test_selectors_that_a_caller_can_have_are_fine(text: str) -> None:
    assert mistake_in(Selector.parse(text)) is None


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("unix:usr:web", "unix:usr is unknown; expected one of uid, user, gid, group"),
        ("unix:usr:web", "did you mean unix:user?"),
        ("unix:zzz", "unix:zzz is unknown"),
        ("unix:uid", "unix:uid needs a decimal number, not ''"),
        ("unix:uid:root", "unix:uid needs a decimal number, not 'root'"),
        ("unix:uid:01", "unix:uid needs a decimal number, not '01'"),
        ("unix:uid:\u0661", "unix:uid needs a decimal number"),
        ("unix:user:", "unix:user needs a name"),
        ("unix:group:a:b", "unix:group needs a name"),
        ("unix:path:bin/web", "unix:path needs an absolute path, not 'bin/web'"),
        ("unix:sha256:" + "0A" * 32, "unix:sha256 needs 64 lower-case hex digits"),
        ("output: web", "expected the name of an output, without"),
        ("output:a\tb", "expected the name of an output, without"),
        ("output:" + "a" * 101, "longer than 100 characters"),
        ("unix:sha256:0a", "unix:sha256 needs 64 lower-case hex digits"),
    ],
)
def test_a_selector_that_nobody_could_have_says_what_was_expected(text: str, mistake: str) -> None:
    assert mistake in (mistake_in(Selector.parse(text)) or "")
