"""Files from any material, under any names, and a folder in which anything happens."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support import memory
from support.ca import TestCa
from support.clock import EPOCH, FakeClock
from support.file_sets import GIVEN, PASSWORD, contents, marked, material, names, token

from accredit.file_output.advice import file_system_of
from accredit.file_output.fileset import RenderedFile
from accredit.file_output.layout import SetName
from accredit.file_output.material import Material
from accredit.file_output.password_file import read_password
from accredit.file_output.render import render
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.store import Store, StoreSettings
from accredit.identity.bundle import parse_bundle
from accredit.identity.errors import ConfigError

CA = TestCa()
PARTNERS = [TestCa(name) for name in ("partner.example", "other.example", "third.example")]
BY_NAME = {str(each.trust_domain): each for each in (CA, *PARTNERS)}
SPECS = (
    FileSpec(Kind.CERTIFICATE, "tls.crt"),
    FileSpec(Kind.KEY, "tls.key"),
    FileSpec(Kind.COMBINED, "both.pem"),
    FileSpec(Kind.OWN_BUNDLE, "td.example.roots"),
    FileSpec(Kind.FOREIGN_BUNDLES, "{trust_domain}.roots"),
    FileSpec(Kind.BUNDLE_JSON, "td.example.json"),
    FileSpec(Kind.FOREIGN_BUNDLE_JSON, "{trust_domain}.json"),
    FileSpec(Kind.JWKS, "td.example.jwks"),
    FileSpec(Kind.FOREIGN_JWKS, "{trust_domain}.jwks"),
    FileSpec(Kind.PKCS12, "tls.p12", password_file="/password"),
    FileSpec(Kind.PKCS12_TRUST, "td.example.p12", password_file="/password"),
    FileSpec(Kind.JWT, "db.jwt", audience="db"),
    FileSpec(Kind.ENVOY_SDS_CERT, "cert.sds"),
    FileSpec(Kind.ENVOY_SDS_CONTEXT, "context.sds"),
)
TOKEN = token(CA, "db")
MATERIALS = st.sets(st.sampled_from(PARTNERS)).map(
    lambda partners: material(CA, *partners, tokens={"db": TOKEN})
)
SLOW = settings(deadline=None, max_examples=40)  # keystores are slow to make, as they should be
SOME_SPECS = st.lists(st.sampled_from(SPECS), unique=True, min_size=1)


def roots_in(name: str, data: bytes) -> list[x509.Certificate]:
    """Return the X.509 authorities in a file that is named for a trust domain."""
    domain, _, ending = name.rpartition(".")
    if ending == "roots":
        return x509.load_pem_x509_certificates(data)
    if ending == "json":
        bundle = parse_bundle(BY_NAME[domain].trust_domain, data).bundle
        return list(bundle.x509_authorities)
    store = pkcs12.load_pkcs12(data, PASSWORD.encode())
    return [each.certificate for each in store.additional_certs]


@SLOW
@given(MATERIALS)
def test_no_file_believes_two_trust_domains(found: Material) -> None:
    files = contents(render(found, SPECS, GIVEN, EPOCH))
    for name in files:
        ca = BY_NAME.get(name.rpartition(".")[0])
        if ca is None:
            continue
        if name.endswith(".jwks"):
            ids = [key["kid"] for key in json.loads(files[name])["keys"]]
            assert ids == [ca.jwt_authority.key_id]
        else:
            assert roots_in(name, files[name]) == [ca.root]


@SLOW
@given(MATERIALS, SOME_SPECS, st.randoms())
def test_the_version_depends_on_what_is_in_the_set_alone(
    found: Material, specs: Sequence[FileSpec], random: Random
) -> None:
    first = render(found, specs, GIVEN, EPOCH)
    shuffled = random.sample(specs, len(specs))
    turned = dict(reversed(list(found.bundles.items())))
    same = Material(found.svid, found.own, turned, found.tokens)
    second = render(same, shuffled, GIVEN, EPOCH + timedelta(minutes=1))
    assert first.version == second.version
    salted = {file.name for file in first.files if file.salted}
    plain = {name: data for name, data in contents(first).items() if name not in salted}
    assert plain.items() <= contents(second).items()


@SLOW
@given(MATERIALS, MATERIALS, SOME_SPECS)
def test_another_content_has_another_version(
    one: Material, other: Material, specs: Sequence[FileSpec]
) -> None:
    specs = [spec for spec in specs if spec.kind is not Kind.PKCS12_TRUST] or [SPECS[0]]
    first, second = (render(each, specs, GIVEN, EPOCH) for each in (one, other))
    assert (first.version == second.version) == (contents(first) == contents(second))


FIELDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(Kind),
        "name": st.sampled_from(["tls.pem", "{trust_domain}.pem"]) | st.text(),
    },
    optional={
        "mode": st.integers(-2, 0o20000) | st.sampled_from([0o600, 0o640, 0o644, 0o444]),
        "group": st.sampled_from(["", "nginx"]),
        "audience": st.sampled_from(["", "db"]),
        "password_file": st.sampled_from(["", "/password"]),
    },
)


@given(FIELDS)
def test_a_secret_is_never_for_others_unless_a_group_is_named(fields: dict[str, Any]) -> None:
    try:
        spec = FileSpec(**fields)
    except ValueError:
        return
    assert not spec.mode & ~0o644
    assert spec.mode & 0o400
    assert spec.name.isprintable()
    assert Path(spec.name).name == spec.name
    if spec.kind.secret:
        assert not spec.mode & 0o004
        assert spec.group or not spec.mode & 0o040


@SLOW
@given(MATERIALS, SOME_SPECS)
def test_what_is_rendered_has_the_mode_that_was_asked_for(
    found: Material, specs: Sequence[FileSpec]
) -> None:
    files = render(found, specs, GIVEN, EPOCH)
    modes = {spec.name: spec.mode for spec in specs}
    for file in files.files:
        secret = b"PRIVATE" in file.content or file.name in {"tls.p12", "db.jwt", "cert.sds"}
        assert file.mode == modes.get(file.name, 0o644)
        assert file.mode == 0o600 if secret else file.mode == 0o644


@given(st.text())
def test_text_is_the_name_of_a_set_that_prints_the_same_or_is_none(text: str) -> None:
    found = SetName.parse(text)
    assert found is None or str(found) == text


@given(st.text())
def test_text_is_a_file_name_that_stays_in_the_folder_or_is_refused(text: str) -> None:
    try:
        name = RenderedFile(text, b"", 0o600).name
    except ValueError:
        return
    assert os.path.normpath(f"/out/{name}") == f"/out/{name}"
    assert len(os.fsencode(name)) <= 255


@given(st.text(), st.text())
def test_any_list_of_mounts_is_read_or_ignored(path: str, mounts: str) -> None:
    assert isinstance(file_system_of(path, mounts), str)


@given(st.binary(max_size=300))
def test_bytes_are_a_password_that_all_understand_alike_or_are_refused(data: bytes) -> None:
    with memory.folder() as folder:
        file = folder / "password"
        file.touch(mode=0o600)
        file.write_bytes(data)
        try:
            password = read_password(str(file))
        except ConfigError:
            return
    assert password.encode() in data
    assert 6 <= len(password) <= 256


FILES = {
    "a": marked("a"),
    "b": marked("b", "tls.crt", "tls.key", "ca.crt"),
    "c": marked("c", "tls.crt", mode=0o444),
}


@dataclass(eq=False)
class ASet:
    """A set as the model knows it; a spoiled one may hold anything."""

    version: str
    spoiled: str = ""  # "mode", or "content"


class Folder(RuleBasedStateMachine):
    """A store that is used, closed, opened and spoiled in any order, beside a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.home = ExitStack()
        self.out = self.home.enter_context(memory.folder()) / "out"
        self.clock = FakeClock()
        self.store = Store(self.out, self.clock, StoreSettings(grace=timedelta(seconds=30)))
        self.current: ASet | None = None
        self.previous: ASet | None = None

    def teardown(self) -> None:
        self.store.close()
        self.home.close()

    @rule(version=st.sampled_from(sorted(FILES)))
    def switch(self, version: str) -> None:
        self.store.switch(FILES[version])
        if self.current is None or version != self.current.version:
            self.previous, self.current = self.current, ASet(version)
        elif self.current.spoiled == "content":
            spoiled, self.current = self.current, ASet(version)
            self.previous = self.current if self.previous is spoiled else self.previous
        else:
            self.current.spoiled = ""

    @rule()
    def roll_back(self) -> None:
        went = self.store.roll_back()
        assert (went is not None) == (self.previous not in {None, self.current})
        if went is not None:
            self.current = self.previous

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store.tidy()

    @rule(seconds=st.integers(0, 40))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.store.tidy()

    @rule(name=st.sampled_from(["tls.crt", "tls.key"]), how=st.sampled_from("mrw"))
    def spoil(self, name: str, how: str) -> None:
        path = self.out / "current" / name
        if not path.exists():
            return
        if how == "m":
            path.chmod(0o666)
        elif how == "r":
            path.unlink()
        else:
            path.chmod(0o600)
            path.write_text("spoiled")
        assert self.current is not None
        if self.current.spoiled != "content":
            self.current.spoiled = "mode" if how == "m" else "content"

    @invariant()
    def one_whole_set_is_current(self) -> None:
        if self.current is None or self.current.spoiled:
            return
        folder = self.out / "current"
        for file in FILES[self.current.version].files:
            assert (folder / file.name).read_bytes() == file.content
            assert stat.S_IMODE((folder / file.name).stat().st_mode) == file.mode
            assert (self.out / file.name).readlink() == Path("current") / file.name
        assert names(folder) == sorted(contents(FILES[self.current.version]))

    @invariant()
    def nothing_else_is_left(self) -> None:
        if not self.out.exists():
            return
        files = {file.name for each in FILES.values() for file in each.files}
        assert set(names(self.out)) <= {
            *files,
            *("current", "previous", "sets", ".accredit.lock"),
        }
        assert all(SetName.parse(name) for name in names(self.out / "sets"))


TestFolder = Folder.TestCase
TestFolder.settings = settings(deadline=None, max_examples=50, stateful_step_count=20)
