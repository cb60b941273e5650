"""The configuration of spiffe-helper, read strictly: HCL 1, or JSON, which is HCL 1 too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from accredit.identity.errors import ConfigError, Mistake, UnimplementedError

_TEXTS = (
    *("agent_address", "cmd", "cmd_args", "pid_file_name", "renew_signal", "cert_dir", "hint"),
    *("svid_file_name", "svid_key_file_name", "svid_bundle_file_name", "jwt_bundle_file_name"),
)
_SWITCHES = (
    *("add_intermediates_to_bundle", "include_federated_domains", "omit_expired"),
    "daemon_mode",
)
_MODES = ("cert_file_mode", "key_file_mode", "jwt_bundle_file_mode", "jwt_svid_file_mode")
_OTHERS = ("jwt_svids", "health_checks")
_KNOWN = (*_TEXTS, *_SWITCHES, *_MODES, *_OTHERS)
_OF_TOKEN = ("jwt_audience", "jwt_extra_audiences", "jwt_svid_file_name")
_HUMP = re.compile(r"(?<=[a-z])[A-Z]")


@dataclass(frozen=True, slots=True)
class Token:
    """One of ``jwt_svids``."""

    audience: str
    extra_audiences: tuple[str, ...]
    file_name: str


@dataclass(frozen=True, slots=True)
class HelperConf:
    """What the file says; ``lines`` are those of its options."""

    path: str
    texts: Mapping[str, str]
    switches: Mapping[str, bool]
    modes: Mapping[str, int]
    tokens: tuple[Token, ...]
    health_checks: bool
    lines: Mapping[str, int]

    def mistake(self, key: str, reason: str) -> Mistake:
        """Return a mistake in the line of an option."""
        return Mistake(self.path, self.lines.get(key), key, reason)


def parse_helper_conf(text: str, path: str) -> HelperConf:
    """Return what the file says.

    Raises:
        ConfigError: it is no HCL, or its options are not spiffe-helper's; all of these.
        UnimplementedError: the library for HCL is not installed.
    """
    reader = _Reader(path, text)
    reader.read(_options(text, path))
    if reader.mistakes:
        raise ConfigError(reader.mistakes)
    return HelperConf(
        path,
        reader.texts,
        reader.switches,
        reader.modes,
        tuple(reader.tokens),
        reader.health_checks,
        reader.lines,
    )


def _options(text: str, path: str) -> dict[str, object]:
    try:
        import hcl  # type: ignore[import-untyped]  # noqa: PLC0415  an extra, for this only
    except ImportError:
        raise UnimplementedError(
            f"{path}: reading spiffe-helper's configuration needs: pip install 'accredit[hcl]'"
        ) from None
    try:
        found: dict[str, object] = hcl.loads(text)
    except ValueError as error:
        raise ConfigError([Mistake(path, None, "", f"is not HCL: {_first_line(error)}")]) from None
    return found


def _first_line(error: ValueError) -> str:
    said = str(error).partition("; expected")[0].partition("\n")[0]
    return said[:1].lower() + said[1:200]


class _Reader:
    def __init__(self, path: str, text: str) -> None:
        self.mistakes: list[Mistake] = []
        self.texts: dict[str, str] = {}
        self.switches: dict[str, bool] = {}
        self.modes: dict[str, int] = {}
        self.tokens: list[Token] = []
        self.health_checks = False
        self.lines: dict[str, int] = {}
        self._path = path
        self._text = text

    def read(self, options: Mapping[str, object]) -> None:
        for written, value in options.items():
            # Older releases wrote them like agentAddress.
            key = _HUMP.sub(lambda hump: f"_{hump[0].lower()}", written)
            self.lines[key] = self._line(written)
            if key not in _KNOWN:
                self._wrong(key, _unknown(key, _KNOWN))
            elif key in _TEXTS:
                self._read_text(key, value)
            elif key in _SWITCHES:
                self._read_switch(key, value)
            elif key in _MODES:
                self._read_mode(key, value)
            elif key == "jwt_svids":
                self._read_tokens(value)
            else:
                self.health_checks = not isinstance(value, dict) or _listens(value)

    def _read_text(self, key: str, value: object) -> None:
        if isinstance(value, str):
            self.texts[key] = value
        else:
            self._wrong(key, "expected text in quotes")

    def _read_switch(self, key: str, value: object) -> None:
        if isinstance(value, bool):
            self.switches[key] = value
        else:
            self._wrong(key, "expected true or false")

    def _read_mode(self, key: str, value: object) -> None:
        # The library takes 0644 for the number 644; its digits are what was written.
        digits = str(value)
        if isinstance(value, bool) or not re.fullmatch("0?[0-7]{3}", digits):
            self._wrong(key, "expected the octal digits of a mode, such as 0640")
        else:
            self.modes[key] = int(digits, 8)

    def _read_tokens(self, value: object) -> None:
        found = [value] if isinstance(value, dict) else value
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self._wrong("jwt_svids", "expected a list of blocks")
            return
        for place, each in enumerate(found):
            self._read_token(f"jwt_svids[{place}]", each)

    def _read_token(self, key: str, value: Mapping[str, object]) -> None:
        for name in value:
            if name not in _OF_TOKEN:
                self._wrong(f"{key}.{name}", _unknown(name, _OF_TOKEN))
        audience, file_name = value.get("jwt_audience"), value.get("jwt_svid_file_name")
        more = value.get("jwt_extra_audiences", [])
        if not isinstance(audience, str) or not isinstance(file_name, str):
            self._wrong(key, "needs jwt_audience and jwt_svid_file_name, as text")
        elif not isinstance(more, list) or not all(isinstance(each, str) for each in more):
            self._wrong(f"{key}.jwt_extra_audiences", "expected a list of text")
        else:
            self.tokens.append(Token(audience, tuple(more), file_name))

    def _wrong(self, key: str, reason: str) -> None:
        line = self.lines.get(key.partition("[")[0])
        self.mistakes.append(Mistake(self._path, line, key, reason))

    def _line(self, written: str) -> int:
        # The library does not say. In a comment it could stand earlier, which does no harm.
        found = re.search(
            rf'^[ \t{{]*"?{re.escape(written)}"?[ \t]*[=:{{]', self._text, re.MULTILINE
        )
        return self._text.count("\n", 0, found.start()) + 1 if found else 1


def _listens(block: Mapping[str, object]) -> bool:
    return block.get("listener_enabled") is True


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(key, known, n=1)
    return "unknown option" + (f"; did you mean {close[0]!r}?" if close else "")
