from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.errors import RequestError
from accredit.workload_api.header import require_security_header

NAME = "workload.spiffe.io"


def test_exactly_one_true_is_accepted() -> None:
    require_security_header({"user-agent": ("grpc",), NAME: ("true",)})


@pytest.mark.rows("WE-07")
@pytest.mark.parametrize(
    "values",
    [
        ("True",),
        ("TRUE",),
        ("false",),
        ("1",),
        ("",),
        (" true",),
        ("true", "true"),
        ("true", ""),
        (),
    ],
)
def test_anything_else_is_refused(values: tuple[str, ...]) -> None:
    with pytest.raises(RequestError, match=r"'workload.spiffe.io' must be sent once, as 'true'"):
        require_security_header({NAME: values})


@pytest.mark.rows("WE-07")
def test_a_request_without_it_is_refused() -> None:
    with pytest.raises(RequestError, match="must be sent once"):
        require_security_header({"Workload.Spiffe.Io": ("true",)})


@given(
    st.lists(st.text(max_size=20), max_size=3).map(tuple).filter(lambda found: found != ("true",))
)
def test_no_other_value_passes(values: tuple[str, ...]) -> None:
    with pytest.raises(RequestError):
        require_security_header({NAME: values})
