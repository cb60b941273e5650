"""What the text says twice."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.place import Place, walk
from accredit.envoy.lint.rule import Found, error


def _twice(bootstrap: Bootstrap) -> Iterator[Found]:
    for here in walk(bootstrap.root):
        for name, line in [] if here.node is None else here.node.repeated:
            place = Place(here.node, (*here.path, name), line)
            yield Found(place, "is given twice: Envoy takes the last one and drops the others")


RULES = (
    error(
        "key-twice",
        "of a key given twice Envoy takes the last, without a word",
        "give it once",
        _twice,
    ),
)
