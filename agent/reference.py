"""Prints the configuration reference, made from the configuration's model.

``python -m accredit.agent.reference > docs/configuration.md``
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from inspect import cleandoc
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from accredit.agent.config import Config
from accredit.agent.config_types import Unit, section_in
from accredit.identity.durations import format_duration

_LISTED = "[]"
_HEAD = """\
# Configuration

<!-- Made by `make docs-config` from agent/config.py. -->

One YAML file, read by `accredit run -c FILE`; without `-c` it is `$ACCREDIT_CONFIG`,
`./accredit.yaml` or `/etc/accredit/accredit.yaml`, the first that is there. `accredit check` reads
it and tells every mistake at once, each with its line. Unknown keys are mistakes. Only
`trust_domain` is required. Paths that are not absolute start at the folder of the file.

Durations are whole seconds, written `20s`, `5m`, `1h`, `30d` or `1h30m`. Whoever can write the
file decides who gets which identity, so a file that other users can write is refused.

Any change of the files, and SIGHUP, reloads `entries`, `federation` and `outputs`; all else needs a
restart.
"""

_ENTRIES = """\
## An entry of `entries`

```yaml
entries:
  - id: /ns/payments/sa/checkout      # or a whole SPIFFE ID of the own trust domain
    selectors: ["unix:user:checkout"] # all of them must hold
    ttl: 1h                           # of its X.509-SVIDs; default: ttl above
    jwt_ttl: 5m                       # of its JWT-SVIDs; default: jwt_ttl above
    federates_with: [partner.example] # whose bundles it gets beside the own one
    hint: internal                    # tells several identities of one caller apart
    default: true                     # what SDS sends for the name `default`
    dns_names: [checkout.internal]    # DNS names in its X.509-SVIDs
```

| selector ([more](attestation.md)) | holds for a caller |
|---|---|
| `unix:uid:1000`, `unix:user:app` | of that user |
| `unix:gid:1000`, `unix:group:app` | of that group |
| `unix:supplementary_gid:27`, `unix:supplementary_group:adm` | that is a member of that group |
| `unix:path:/usr/bin/envoy` | whose executable is that file; needs `discover_path` |
| `unix:sha256:9f86d0...` | whose executable has that digest; needs `discover_path` |
| `docker:label:app:checkout` | in a container with that label; see [Attestation](attestation.md) |
| `docker:image_id:shop:1` | in a container that was made of the image of that name at the time |
| `docker:image_config_digest:sha256:9f86d0...` | in a container made of that very image |
| `docker:name:checkout` | in the container of that name |
| `docker:env:STAGE=prod` | in a container with that variable; needs `env` |
| `podman-user:1000:label:app:checkout` | in one of that user's own Podman; needs `users` |
| `k8s:ns:payments`, `k8s:sa:web`, ... | in such a pod; [more](attestation.md#kubernetes) |
| `linux:host`, `linux:cgroup:/web`, ... | at that place; needs `attestation.linux` |
| `systemd:id:web.service`, ... | in that unit; needs `attestation.systemd` |
| `systemd-user:1000:id:web.service`, ... | in that user's unit; needs `user_units` |
| `output:nginx` | no caller: the output of that name in `outputs` |

References in braces make an `id` a template, which gives each caller its own ID:
`/ns/{k8s:ns}/sa/{k8s:sa}`, `/user/{unix:user}`, `/web/{docker:label:app}`. Its `selectors` may
then be left out. See [entries.md](entries.md).
"""


def render() -> str:
    """Return the whole reference as Markdown."""
    sections = [_HEAD, "## Top level\n", _table(Config)]
    for path, model in _sections(Config, ""):
        sections += [f"\n## `{path}`\n\n{cleandoc(model.__doc__ or '')}\n"]
        sections += [_table(model)] if model.model_fields else []
    return "\n".join([*sections, "", _ENTRIES])


def _sections(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in _rows(model):
        if section := section_in(field.annotation):
            place = f"{path}{name}{_LISTED if _is_list(field) else ''}"
            yield place, section
            yield from _sections(section, f"{place}.")


def _rows(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _is_list(field: FieldInfo) -> bool:
    return "list[" in str(field.annotation)


def _table(model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {_default(field)} | {field.description} |"
        for name, field in _rows(model)
    ]
    return "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows])


def _kind(field: FieldInfo) -> str:
    if section_in(field.annotation):
        return "list of sections" if _is_list(field) else "section"
    unit = next((each.name for each in _metadata(field) if isinstance(each, Unit)), "")
    if unit == "choice":
        return " or ".join(f"`{each}`" for each in get_args(field.annotation))
    return unit


def _metadata(field: FieldInfo) -> list[Any]:
    # In ``FilePath | None`` the metadata stays with the member.
    inner = [
        each for kind in get_args(field.annotation) for each in getattr(kind, "__metadata__", ())
    ]
    return [*field.metadata, *inner]


def _default(field: FieldInfo) -> str:
    value = field.default
    if "Default:" in str(field.description):
        return "see there"
    if field.is_required():
        return "required"
    if value is None or value in ((), [], {}) or isinstance(value, BaseModel):
        return ""
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    plain = value.value if isinstance(value, Enum) else json.dumps(value, default=str)
    return f"`{str(plain).strip(chr(34))}`"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201  that is its job
