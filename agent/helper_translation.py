"""What spiffe-helper's configuration comes to here: an output, and what is not the same. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from accredit.agent.helper_conf import HelperConf, Token
from accredit.identity.errors import ConfigError
from accredit.identity.yaml_lines import Plain

NAME = "spiffe-helper"
_X509_NAMES = ("svid_file_name", "svid_key_file_name", "svid_bundle_file_name")
_PUBLIC, _SECRET, _GROUP_READS = 0o644, 0o640, 0o040


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is different here. ``lost``: it cannot be had, and would be missed."""

    key: str
    text: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Here:
    """Where relative paths start, and the group of new files, both of whoever runs it."""

    folder: Path
    gid: int


@dataclass(slots=True)
class Translation:
    """``document`` is what the file of ``accredit file watch`` would hold."""

    conf: HelperConf
    here: Here
    document: dict[str, Plain] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def require_all(self) -> None:
        """Refuse a file that would do less here than it did.

        Raises:
            ConfigError: what would be missed.
        """
        lost = [self.conf.mistake(note.key, note.text) for note in self.notes if note.lost]
        if lost:
            raise ConfigError(lost)

    def note(self, key: str, text: str, *, lost: bool = False) -> None:
        """Add a note."""
        self.notes.append(Note(key, text, lost))


def translate(conf: HelperConf, here: Here) -> Translation:
    """Return what the file comes to.

    Raises:
        ConfigError: spiffe-helper itself would refuse it.
    """
    made = Translation(conf, here)
    if address := conf.texts.get("agent_address"):
        made.document["socket"] = address if "://" in address else f"unix://{address}"
    made.document["outputs"] = [_output(made)]
    _further_notes(made)
    return made


def _output(made: Translation) -> dict[str, Plain]:
    conf = made.conf
    if not conf.texts.get("cert_dir"):
        raise ConfigError([conf.mistake("cert_dir", "is missing")])
    output: dict[str, Plain] = {"name": NAME, "folder": _path(made, "cert_dir")}
    made.note(
        "cert_dir",
        "files of these names that are there already are not overwritten: move them away",
    )
    if hint := conf.texts.get("hint"):
        output["hint"] = hint
    files = [*_x509_files(made), *_jwt_bundle(made), *_tokens(made)]
    if not files:
        raise ConfigError([conf.mistake("svid_file_name", "is missing; there is no file to write")])
    if any("group" in each for each in files):
        made.note(
            "key_file_mode",
            f"a secret that a group may read names it; {made.here.gid} is that of whoever ran this",
        )
    output["files"] = [*files]
    reload = _reload(made)
    output["reload"] = reload or False
    return output


def _x509_files(made: Translation) -> Iterator[dict[str, Plain]]:
    conf = made.conf
    names = [conf.texts.get(key, "") for key in _X509_NAMES]
    if not any(names):
        return
    for key, name in zip(_X509_NAMES, names, strict=True):
        if not name:
            raise ConfigError(
                [conf.mistake(key, "is missing; all three names are needed, or none")]
            )
    yield _file(made, "certificate", names[0], "cert_file_mode")
    yield _file(made, "key", names[1], "key_file_mode", secret=True)
    yield _file(made, "own-bundle", names[2], "cert_file_mode")
    if conf.switches.get("include_federated_domains"):
        foreign = _each_domain(names[2])
        made.note(
            "include_federated_domains",
            f"one file for each trust domain, {foreign}: in one list each authority could sign for"
            " every trust domain's names",
        )
        yield _file(made, "foreign-bundles", foreign, "cert_file_mode")


def _jwt_bundle(made: Translation) -> Iterator[dict[str, Plain]]:
    name = made.conf.texts.get("jwt_bundle_file_name")
    if not name:
        return
    made.note(
        "jwt_bundle_file_name",
        "a plain JWK Set of the own trust domain, and one file for each other; spiffe-helper writes"
        " trust domains with sets in base64",
    )
    yield _file(made, "jwks", name, "jwt_bundle_file_mode")
    yield _file(made, "foreign-jwks", _each_domain(name), "jwt_bundle_file_mode")


def _tokens(made: Translation) -> Iterator[dict[str, Plain]]:
    for place, token in enumerate(made.conf.tokens):
        yield from _token(made, f"jwt_svids[{place}]", token)


def _token(made: Translation, key: str, token: Token) -> Iterator[dict[str, Plain]]:
    names = {token.audience: token.file_name}
    for number, audience in enumerate(token.extra_audiences, 1):
        names.setdefault(audience, _with_suffix(token.file_name, f".{number}"))
    if len(names) > 1:
        made.note(
            f"{key}.jwt_extra_audiences",
            "one file for each audience: what one receiver is shown it could show to the others",
        )
    for audience, name in names.items():
        file = _file(made, "jwt", name, "jwt_svid_file_mode", secret=True)
        yield {**file, "audience": audience}


def _file(
    made: Translation, kind: str, name: str, mode_key: str, *, secret: bool = False
) -> dict[str, Plain]:
    file: dict[str, Plain] = {"kind": kind, "name": name}
    mode = made.conf.modes.get(mode_key)
    if mode is None:
        return file
    allowed = mode & (_SECRET if secret else _PUBLIC)
    if allowed != mode:
        made.note(
            mode_key,
            f"{name} gets {allowed:04o} instead of {mode:04o}: only its owner may write it, and not"
            " everybody read a secret",
        )
    file["mode"] = f"{allowed:04o}"
    if secret and allowed & _GROUP_READS:
        file["group"] = made.here.gid
    return file


def _reload(made: Translation) -> dict[str, Plain] | None:
    conf = made.conf
    cmd, pid_file = conf.texts.get("cmd", ""), conf.texts.get("pid_file_name", "")
    signal = conf.texts.get("renew_signal", "")
    if cmd and (signal or pid_file):
        made.note(
            "cmd",
            "accredit starts no program that goes on running: give it a systemd unit, and write"
            " reload: {systemd: UNIT}, or pid_file and signal",
            lost=True,
        )
    if pid_file and not signal:
        raise ConfigError([conf.mistake("pid_file_name", "needs renew_signal")])
    if pid_file:
        return {"signal": signal.removeprefix("SIG"), "pid_file": _path(made, "pid_file_name")}
    if not cmd or signal:
        return None
    made.note("cmd", "is run at each renewal with a clean environment, and must end within 30 s")
    return {"command": [cmd, *_words(conf.texts.get("cmd_args", ""))]}


def _further_notes(made: Translation) -> None:
    conf = made.conf
    if conf.switches.get("add_intermediates_to_bundle"):
        made.note(
            "add_intermediates_to_bundle",
            "left out: intermediates stay behind the certificate, where every TLS library looks;"
            " in a bundle they would be trusted like roots",
        )
    if conf.switches.get("omit_expired"):
        made.note(
            "omit_expired",
            "left out: a bundle is written as it is published, and an expired authority in it"
            " verifies nothing",
        )
    if conf.switches.get("daemon_mode") is False:
        made.note("daemon_mode", "false is: accredit file once -c FILE")
    if conf.health_checks:
        made.note(
            "health_checks",
            "left out: systemd is told of readiness and state; a container can test for the files",
        )


def _path(made: Translation, key: str) -> str:
    path = Path(made.conf.texts[key])
    if not path.is_absolute():
        made.note(key, f"starts at {made.here.folder}, where this was run")
    return str(made.here.folder / path)


def _each_domain(name: str) -> str:
    return _with_suffix(name, "-{trust_domain}")


def _with_suffix(name: str, suffix: str) -> str:
    path = Path(name)
    return f"{path.stem}{suffix}{path.suffix}"


def _words(text: str) -> list[Plain]:
    """Split as spiffe-helper does: words and "quoted words", no other rule of a shell."""
    return [word for word in next(csv.reader([text], delimiter=" "), []) if word]
