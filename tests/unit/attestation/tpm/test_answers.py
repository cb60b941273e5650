from __future__ import annotations

import pytest

from accredit.attestation.tpm.answers import (
    code_of,
    explained,
    is_final,
    is_full,
    is_policy_failure,
)
from accredit.identity.errors import TpmError, TpmUnavailableError

_IO_FAILURE, _SEQUENCE = 0x0A000A, 0x070007
_INTEGRITY, _POLICY, _HANDLE, _AUTH = 0x1DF, 0x99D, 0x18B, 0x98E
_FULL, _REFERENCE, _LOCKED, _FAILED = 0x902, 0x910, 0x921, 0x101


def test_the_code_does_not_depend_on_what_it_is_about() -> None:
    assert {code_of(each) for each in (0x1DF, 0x2DF, 0x09F)} == {0x09F}
    assert code_of(_FULL) == _FULL


@pytest.mark.parametrize("answer", [_INTEGRITY, _POLICY, _AUTH])
def test_what_the_tpm_says_about_the_question_stays_true(answer: int) -> None:
    assert is_final(answer)
    assert is_final(answer | 0x0C0000)  # through the kernel's resource manager


@pytest.mark.parametrize(
    "answer", [_IO_FAILURE, _SEQUENCE, _HANDLE, _FULL, _REFERENCE, _LOCKED, _FAILED]
)
def test_what_it_says_about_itself_may_change(answer: int) -> None:
    assert not is_final(answer)
    assert isinstance(explained(answer, "text", "/dev/tpm"), TpmUnavailableError)


def test_few_answers_have_a_meaning_of_their_own() -> None:
    assert [each for each in (_INTEGRITY, _POLICY, _AUTH) if is_policy_failure(each)] == [_POLICY]
    assert [each for each in (_FULL, 0x903, _LOCKED, _IO_FAILURE) if is_full(each)] == [
        _FULL,
        0x903,
    ]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (_IO_FAILURE, TpmUnavailableError, "the TPM at /dev/t does not answer: tcti: failure"),
        (_FULL, TpmUnavailableError, "others hold all its places for keys"),
        (_LOCKED, TpmUnavailableError, "locked after too many wrong passwords"),
        (_INTEGRITY, TpmError, "the TPM at /dev/t did not make it, or was cleared since; bring"),
        (_AUTH, TpmError, "wants a password of its owner; accredit needs a TPM whose owner"),
        (0x1D5, TpmError, "the TPM at /dev/t refuses: tcti: failure"),
    ],
)
def test_each_is_told_in_words(answer: int, kind: type, words: str) -> None:
    error = explained(answer, "tcti: failure", "/dev/t")
    assert type(error) is kind
    assert words in str(error)
