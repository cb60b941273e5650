from __future__ import annotations

import errno
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from support.ca import TestCa
from support.eventually import eventually
from support.file_sets import token
from support.outputs import at_work

from accredit.file_output.ledger import State
from accredit.file_output.profiles.services import PEM
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import FileSpec, Kind


async def test_material_becomes_files_and_newer_material_newer_files(tmp_path: Path) -> None:
    async with at_work(tmp_path / "f", PEM.recipe, TestCa("partner.example")) as bench:
        first = await bench.rotated()
        assert (tmp_path / "f/ca-partner.example.crt").exists()
        second = await bench.rotated()
    assert bench.line.serial == second != first


async def test_what_cannot_be_made_is_said_and_what_is_there_stays(tmp_path: Path) -> None:
    folder, password = tmp_path / "f", tmp_path / "password"
    password.write_text("changeit\n")
    password.chmod(0o600)
    keystore = FileSpec(Kind.PKCS12, "store.p12", password_file=str(password))
    async with at_work(folder, Recipe((keystore,))) as bench:
        await bench.rotated()
        before = (folder / "store.p12").read_bytes()
        password.unlink()
        serial = bench.rotate()
        await eventually(lambda: str(password) in bench.line.lacking)
        assert (folder / "store.p12").read_bytes() == before
        assert bench.line.state is State.SERVED
        password.write_text("another\n")
        password.chmod(0o600)
        await bench.until(State.SERVED, serial)
        assert bench.line.lacking == ""


class Exhausted(tuple[FileSpec, ...]):
    """Files that cannot be looked at for as long as the machine has no descriptors left."""

    __slots__ = ()
    now = False

    def __iter__(self) -> Iterator[FileSpec]:
        if type(self).now:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().__iter__()


async def test_what_the_machine_refuses_is_said_and_tried_again(tmp_path: Path) -> None:
    async with at_work(tmp_path / "f", Recipe(Exhausted(PEM.recipe.files))) as bench:
        await bench.rotated()
        Exhausted.now = True
        serial = bench.rotate()
        await eventually(lambda: bench.line.lacking == "too many open files")
        Exhausted.now = False
        await bench.until(State.SERVED, serial)
        assert bench.line.lacking == ""


async def test_a_token_that_cannot_be_renewed_holds_up_no_certificate(tmp_path: Path) -> None:
    specs = (*PEM.recipe.files, FileSpec(Kind.JWT, "db.jwt", audience="db"))
    async with at_work(tmp_path / "f", Recipe(specs)) as bench:
        bench.rotate()
        await eventually(lambda: "no JWT-SVID for audience 'db'" in bench.line.lacking)
        assert not (tmp_path / "f/tls.crt").exists()
        now = datetime.now(UTC)
        old, of_another = token(bench.ca, "db", now=now), token(bench.ca, "web", now=now)
        await bench.rotated(tokens={"db": old})
        for tokens in ({"db": of_another}, {}):
            await bench.rotated(tokens=tokens)
            assert (tmp_path / "f/db.jwt").read_text() == old
            assert (bench.line.lacking, len(bench.line.stale)) == ("", 1)
        new = token(bench.ca, "db", now=now)
        await bench.rotated(tokens={"db": new})
        assert (tmp_path / "f/db.jwt").read_text() == new
        assert bench.line.stale == ()
