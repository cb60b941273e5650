"""Checks the configuration in a child process, which takes the checker's memory with it.

Pydantic and the model cost a sixth of an idle agent's memory and a third of its start, for a file
that is read once. This way one core checks it while the other loads what the agent is made of.
"""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from accredit.identity.errors import ConfigError, Mistake

T = TypeVar("T")


def checked(path: Path, check: Callable[[Path], T], meanwhile: Callable[[], None]) -> T:
    """Return what ``check(path)`` returns in a child; ``meanwhile`` runs here.

    There must be no other thread yet.

    Raises:
        ConfigError: as ``check`` raised it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _answer(writing, path, check)
    os.close(writing)
    meanwhile()
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise ConfigError([Mistake(str(path), None, "", "cannot be checked; the reason is above")])
    value, mistakes = pickle.loads(answer)  # noqa: S301  of our own child
    if mistakes:
        raise ConfigError(mistakes)
    found: T = value
    return found


def _answer(writing: int, path: Path, check: Callable[[Path], object]) -> None:
    failed = True
    try:
        with os.fdopen(writing, "wb") as pipe:
            try:
                pickle.dump((check(path), ()), pipe)
            except ConfigError as error:
                pickle.dump((None, error.mistakes), pipe)
        failed = False
    finally:
        if failed:
            traceback.print_exc()
        os._exit(failed)
