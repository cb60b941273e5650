"""What a TPM's answers mean, TPM 2.0 part 2 section 6.6 and the TSS's layers around it. Pure."""

from __future__ import annotations

from accredit.identity.errors import AccreditError, TpmError, TpmUnavailableError

_LAYER = 0xFF0000
_TPM_LAYERS = (0x000000, 0x0B0000, 0x0C0000)  # the TPM itself, and resource managers for it
_FORMAT_ONE = 0x080
_HANDLE = 0x08B
_INTEGRITY = 0x09F
_POLICY_FAIL = 0x09D
_AUTH = (0x08E, 0x0A2)  # AUTH_FAIL, BAD_AUTH
_FULL = (0x902, 0x903)
_OTHERS = {
    0x100: "it was not started: that is the firmware's duty",
    0x101: "it has failed its self-test",
    0x120: "it is disabled",
    0x902: "others hold all its places for keys: use its resource manager, /dev/tpmrm0",
    0x903: "others hold all its places for sessions: use its resource manager, /dev/tpmrm0",
    0x921: "it is locked after too many wrong passwords",
}


class LostError(Exception):
    """The TPM no longer holds what we left there: it was started anew, or somebody cleared it."""


def code_of(answer: int) -> int:
    """Return the answer without the number of the handle, session or parameter it is about."""
    code = answer & 0xFFF
    return code & 0x0BF if code & _FORMAT_ONE else code


def is_final(answer: int) -> bool:
    """Tell whether another try, over a new connection, would be answered the same."""
    code = code_of(answer)
    return (answer & _LAYER) in _TPM_LAYERS and bool(code & _FORMAT_ONE) and code != _HANDLE


def is_full(answer: int) -> bool:
    """Tell whether the TPM lacks room, which nothing but freeing keys or sessions mends."""
    return (answer & _LAYER) in _TPM_LAYERS and code_of(answer) in _FULL


def is_policy_failure(answer: int) -> bool:
    """Tell whether the platform is not in the state that was asked for."""
    return is_final(answer) and code_of(answer) == _POLICY_FAIL


def explained(answer: int, text: str, place: str) -> AccreditError:
    """Return the error for an answer; ``text`` is what libtss2 says of it."""
    if not is_final(answer):
        known = answer & _LAYER in _TPM_LAYERS and _OTHERS.get(code_of(answer))
        return TpmUnavailableError(f"the TPM at {place} does not answer: {known or text}")
    if code_of(answer) == _INTEGRITY:
        return TpmError(
            f"the TPM at {place} did not make it, or was cleared since",
            "bring back that TPM; without it the content is lost",
        )
    if code_of(answer) in _AUTH:
        return TpmError(
            f"the TPM at {place} wants a password of its owner",
            "accredit needs a TPM whose owner hierarchy has none",
        )
    return TpmError(f"the TPM at {place} refuses: {text}")
