"""What a daemon says of one container. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accredit.identity import strict_json
from accredit.identity.errors import SelectorError
from accredit.identity.selector import Selector

_MAX_LABELS = 1000
_MAX_ENV = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a container: a restart has another process, and started later."""

    pid: int
    started_at: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """A container as its daemon describes it; ``run`` is None while it does not run.

    ``image_config_digest`` is what the container was made of; the name it was asked for by,
    ``image``, may belong to another image by now.
    """

    id: str
    run: Run | None
    name: str
    image: str
    image_config_digest: str
    labels: Mapping[str, str]
    env: tuple[str, ...] = field(repr=False)  # holds secrets

    def values(self, *, env: bool) -> Iterator[str]:
        """Yield the values of its selectors, in SPIRE's spelling."""
        yield from (f"label:{key}:{value}" for key, value in self.labels.items())
        if env:
            yield from (f"env:{pair}" for pair in self.env)
        if self.image:
            yield f"image_id:{self.image}"
        if self.image_config_digest:
            yield f"image_config_digest:{self.image_config_digest}"
        if self.name:
            yield f"name:{self.name}"


def selectors_of(kind: str, values: Iterator[str]) -> frozenset[Selector]:
    """Return selectors of type ``kind``; what is too long for an entry to name is left out."""
    found = set()
    for value in values:
        try:
            found.add(Selector(kind, value))
        except SelectorError:
            continue
    return frozenset(found)


def parse_inspected(body: bytes) -> Inspected:
    """Return the container that ``GET /containers/ID/json`` describes.

    Raises:
        ValueError: it describes none, or one with more labels or variables than anybody needs.
    """
    found = strict_json.loads_object(body)
    config = _object(found, "Config")
    labels = _labels(config)
    env = config.get("Env") or []
    if not isinstance(env, list) or not all(isinstance(pair, str) for pair in env):
        raise ValueError("Config.Env is no list of texts")
    if len(env) > _MAX_ENV:
        raise ValueError(f"Config.Env has more than {_MAX_ENV} members")
    return Inspected(
        id=_text(found, "Id"),
        run=_run(_object(found, "State")),
        name=_text(found, "Name").removeprefix("/"),
        image=_text(config, "Image"),
        image_config_digest=_text(found, "Image"),
        labels=labels,
        env=tuple(env),
    )


def _run(state: Mapping[str, object]) -> Run | None:
    pid = state.get("Pid")
    if not isinstance(pid, int) or isinstance(pid, bool):
        raise ValueError("State.Pid is no number")  # noqa: TRY004  the text is wrong, not a type
    if state.get("Running") is not True or not 0 < pid < 1 << 31:
        return None
    return Run(pid, _text(state, "StartedAt"))


def _labels(config: Mapping[str, object]) -> Mapping[str, str]:
    labels = config.get("Labels") or {}
    if not isinstance(labels, dict) or not all(isinstance(one, str) for one in labels.values()):
        raise ValueError("Config.Labels is no object of texts")
    if len(labels) > _MAX_LABELS:
        raise ValueError(f"Config.Labels has more than {_MAX_LABELS} members")
    return labels


def _object(found: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = found.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"{key} is no object")  # noqa: TRY004  the text is wrong, not a type
    return value


def _text(found: Mapping[str, object], key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is no text")  # noqa: TRY004  the text is wrong, not a type
    return value
