"""The section of one output: an identity as files for a program that reads files.

The agent's configuration and the file of ``accredit file watch`` have a list of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from accredit.agent.config_telling import Looks, Reload, Validate
from accredit.agent.config_types import (
    Account,
    FileMode,
    FilePath,
    Section,
    Text,
    Unit,
)
from accredit.agent.output_plan import OutputPlan, Wanted
from accredit.authority.selector_kinds import mistake_in_output
from accredit.file_output.profiles.catalogue import profile_named
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import BY_KIND, FileSpec, Kind, check_distinct
from accredit.identity.errors import SpiffeIdError

_FOLDER_MODES = {0o700, 0o710, 0o711, 0o750, 0o751, 0o755}


def _profile(value: str) -> str:
    return profile_named(value).name


def _name(value: str) -> str:
    if mistake := mistake_in_output(value):
        raise ValueError(mistake)
    return value


def _spiffe_id(value: str) -> str:
    try:
        return Wanted(value).spiffe_id
    except SpiffeIdError as error:
        raise ValueError(str(error)) from None


def _folder_mode(value: int) -> int:
    if value not in _FOLDER_MODES:
        modes = ", ".join(f'"{mode:04o}"' for mode in sorted(_FOLDER_MODES))
        raise ValueError(f"expected one of {modes}")
    return value


def _kind(value: object) -> Kind:
    if isinstance(value, Kind):
        return value
    if value not in list(Kind):
        raise ValueError("expected one of " + ", ".join(Kind))
    return Kind(str(value))


FileKind = Annotated[Kind, BeforeValidator(_kind), Unit("kind of file")]
ProfileName = Annotated[Text, AfterValidator(_profile)]
OutputName = Annotated[Text, AfterValidator(_name)]
IdText = Annotated[Text, AfterValidator(_spiffe_id)]
FolderMode = Annotated[FileMode, AfterValidator(_folder_mode)]


class Common(NamedTuple):
    """What an output gives to all of its files; empty where it gives nothing."""

    owner: str
    group: str
    password_file: str

    def over(self, spec: FileSpec) -> FileSpec:
        """Return a profile's file with this instead of its own."""
        password = self.password_file if spec.kind.encrypted else ""
        return replace(
            spec,
            owner=self.owner or spec.owner,
            group=self.group or spec.group,
            password_file=password or spec.password_file,
        )


class OutputFile(Section):
    """One file of an output.

    It replaces the files of its kind that the profile has; those of other kinds stay.
    """

    kind: FileKind = Field(description="What it holds; see [Files](files.md).")
    name: Text = Field(
        description="Its name in the folder; one file for each federated trust domain has "
        "`{trust_domain}` in it."
    )
    mode: FileMode | None = Field(
        default=None, description='Default: `"0600"` for secrets, `"0644"` for others.'
    )
    owner: Account | None = Field(default=None, description="Default: that of the output.")
    group: Account | None = Field(default=None, description="Default: that of the output.")
    audience: Text | None = Field(
        default=None, description="Whom a `jwt` is for, and only such a file."
    )
    password_file: FilePath | None = Field(
        default=None,
        description="File with the password of a keystore. Default: that of the output.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        # What the output may give yet is taken as given.
        self.spec(Common("x", "x", "/x"), Path("/"))
        return self

    def spec(self, common: Common, at: Path) -> FileSpec:
        """Return it with what its output gives to all files.

        Raises:
            ValueError: it does not fit together.
        """
        own = str(at / self.password_file) if self.password_file else ""
        given = common.password_file if self.kind.encrypted else ""
        return FileSpec(
            self.kind,
            self.name,
            BY_KIND if self.mode is None else self.mode,
            self.owner or common.owner,
            self.group or common.group,
            self.audience or "",
            own or given,
        )


class OutputSection(Section):
    """An identity as files, for a program that reads files; see [Files](files.md).

    In the agent's configuration it may have the identities of the entries that name it by the
    selector `output:NAME`.
    """

    profile: ProfileName | None = Field(
        default=None,
        description="A program whose files, checks and reload are known, such as `nginx`; what is "
        "given beside it replaces that part of the profile.",
    )
    name: OutputName | None = Field(
        default=None, description="Its name among the outputs. Default: that of the profile."
    )
    folder: FilePath = Field(description="Where the files are; made if missing.")
    folder_mode: FolderMode = Field(
        default=0o755, description='Mode of the folder, if it has to be made. Default: `"0755"`.'
    )
    spiffe_id: IdText | None = Field(
        default=None,
        description="Which identity, as a whole SPIFFE ID or the path of one, where several can "
        "be had; else the first.",
    )
    hint: Text | None = Field(default=None, description="The same by the hint of its entry.")
    files: Annotated[list[OutputFile], Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Its files; needed without a profile."
    )
    owner: Account | None = Field(
        default=None, description="Owner of all files that name none. Default: the agent's user."
    )
    group: Account | None = Field(
        default=None, description="Group of all files that name none. Default: the agent's group."
    )
    password_file: FilePath | None = Field(
        default=None, description="File with the password of all keystores that name none."
    )
    validation: Validate | None = Field(
        default=None, alias="validate", description="What must succeed before a reload."
    )
    reload: Reload | None = Field(default=None, description="How the program is told of new files.")
    verify: Looks | None = Field(
        default=None, description="Where the program must be seen to serve the new certificate."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.spiffe_id and self.hint:
            raise ValueError("expected spiffe_id or hint, not both")
        if not self.profile and not (self.name and self.files):
            raise ValueError("needs a profile, or a name and files")
        self.plan(Path("/"))
        return self

    @property
    def title(self) -> str:
        """Its name among the outputs."""
        return self.name or self.profile or ""

    def plan(self, at: Path) -> OutputPlan:
        """Return what it comes to; relative paths start at ``at``.

        Raises:
            ValueError: the files do not fit together.
        """
        return OutputPlan(
            self.title,
            at / self.folder,
            Wanted(self.spiffe_id or "", self.hint or ""),
            self._recipe(at),
            self.folder_mode,
        )

    def _recipe(self, at: Path) -> Recipe:
        specs = tuple(self._specs(at))
        check_distinct(spec.name for spec in specs)
        known = profile_named(self.profile).recipe if self.profile else Recipe(specs)
        return Recipe(
            specs,
            known.validate if self.validation is None else self.validation.way(),
            known.reload if self.reload is None else self.reload.way(specs),
            known.verify if self.verify is None else self.verify.way(),
        )

    def _specs(self, at: Path) -> Iterator[FileSpec]:
        password = str(at / self.password_file) if self.password_file else ""
        common = Common(self.owner or "", self.group or "", password)
        own = self.files or []
        kinds = {each.kind for each in own}
        if self.profile:
            for spec in profile_named(self.profile).recipe.files:
                if spec.kind not in kinds:
                    yield common.over(spec)
        for each in own:
            yield each.spec(common, at)


def _distinct(outputs: list[OutputSection]) -> list[OutputSection]:
    for what, values in (
        ("name", [each.title for each in outputs]),
        ("folder", [os.path.normpath(each.folder) for each in outputs]),
    ):
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"{value!r} is the {what} of two outputs; each needs its own")
    return outputs


Outputs = Annotated[
    list[OutputSection], Field(max_length=256), AfterValidator(_distinct), Unit("list of sections")
]
