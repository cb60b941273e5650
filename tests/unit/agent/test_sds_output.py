from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from support.clock import EPOCH

from accredit.agent import sds_output
from accredit.agent.sds_dialect import Update
from accredit.agent.sds_reading import (
    BearerToken,
    Certificate,
    ReceivedSecret,
    TlsCertificate,
    ValidationContext,
)

ID = "spiffe://prod.example/api"
SOON, LATE = Certificate("a1", EPOCH), Certificate("b2", EPOCH + timedelta(days=1))
LEAF = ReceivedSecret("default", "v1", TlsCertificate((ID,), SOON))
ALL = ReceivedSecret(
    "ALL", "v2", ValidationContext((("partner.example", (SOON,)), ("prod.example", (LATE, SOON))))
)


def lines(*secrets: ReceivedSecret) -> list[str]:
    return sds_output.fetched_text(secrets, [], []).splitlines()


def cells(line: str) -> list[str]:
    return [cell for cell in line.split("  ") if cell]


def stripped(line: str) -> list[str]:
    return [cell.strip() for cell in cells(line)]


def test_people_see_a_line_for_each_certificate_and_each_trust_domain() -> None:
    head, leaf, partner, own = lines(LEAF, ALL)
    assert stripped(head) == ["SECRET", "KIND", "VERSION", "HOLDS", "SERIAL", "ENDS"]
    assert stripped(leaf) == ["default", "TLS certificate", "v1", ID, "a1", "2026-01-01T00:00:00Z"]
    kind, ends = "validation context", "2026-01-01T00:00:00Z"
    assert stripped(partner) == ["ALL", kind, "v2", "partner.example: 1 CA", "a1", ends]
    # Of several CAs, the end that comes first.
    assert stripped(own) == ["ALL", kind, "v2", "prod.example: 2 CAs", ends]


def test_people_see_what_a_context_without_trust_domains_means() -> None:
    plain = ReceivedSecret("ROOTCA", "", ValidationContext((("", (SOON,)),)))
    assert "for everybody: 1 CA" in lines(plain)[1]
    assert "trusts nobody" in lines(ReceivedSecret("ROOTCA", "", ValidationContext(())))[1]
    assert "another kind" in lines(ReceivedSecret("ticket", "", None))[1]
    assert "no SPIFFE ID" in lines(ReceivedSecret("x", "", TlsCertificate((), SOON)))[1]


def test_people_see_names_that_brought_nothing() -> None:
    _, never, late = sds_output.fetched_text([], ["file-root:x"], ["late"]).splitlines()
    assert stripped(never) == ["file-root:x", "no such secret here"]
    assert stripped(late) == ["late", "not granted (yet)"]


def test_programs_see_every_root() -> None:
    ends = "2026-01-01T00:00:00Z"
    soon: dict[str, Any] = {"serial": "a1", "not_after": ends}
    late = {"serial": "b2", "not_after": "2026-01-02T00:00:00Z"}
    assert sds_output.fetched_data([LEAF, ALL], ["x"], ["y"]) == {
        "secrets": [
            {
                "name": "default",
                "version": "v1",
                "type": "tls_certificate",
                "spiffe_id": ID,
                **soon,
            },
            {
                "name": "ALL",
                "version": "v2",
                "type": "validation_context",
                "roots": {"partner.example": [soon], "prod.example": [late, soon]},
            },
        ],
        "removed": ["x"],
        "missing": ["y"],
    }
    (other,) = json.loads(
        json.dumps(sds_output.fetched_data([ReceivedSecret("t", "", None)], [], []))
    )["secrets"]
    assert other == {"name": "t", "version": "", "type": "another kind"}


def test_an_update_tells_when_it_came() -> None:
    update = Update((LEAF,), ("x",))
    head, leaf, never = sds_output.update_text(update, EPOCH).splitlines()
    assert head.endswith("CAME")
    assert stripped(leaf)[-1] == stripped(never)[-1] == "2026-01-01T00:00:00Z"
    data = sds_output.update_data(Update(problem="bad"), EPOCH)
    assert data == {
        "time": "2026-01-01T00:00:00Z",
        "secrets": [],
        "removed": [],
        "problem": "bad",
    }


def test_what_a_server_writes_does_not_steer_the_terminal() -> None:
    bad = ReceivedSecret("a\x1b[2J", "v\n", TlsCertificate(("u\x1b",), SOON))
    assert lines(bad)[1].split()[:1] == ["a?[2J"]
    assert "\x1b" not in "".join(lines(bad))


def test_a_token_is_shown_by_whose_it_is_and_when_it_ends() -> None:
    token = ReceivedSecret("jwt:x", "v3", BearerToken(ID, ("x",), EPOCH))
    ends = "2026-01-01T00:00:00Z"
    assert stripped(lines(token)[1]) == ["jwt:x", "JWT-SVID", "v3", ID, ends]
    data: Any = sds_output.fetched_data([token], [], [])
    assert data["secrets"] == [
        {
            "name": "jwt:x",
            "version": "v3",
            "type": "jwt_svid",
            "spiffe_id": ID,
            "audience": ["x"],
            "not_after": ends,
        }
    ]
