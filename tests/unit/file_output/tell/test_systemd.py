from __future__ import annotations

from pathlib import Path

import pytest
from support import needs
from support.file_sets import marked

from accredit.file_output.tell.systemd import Systemd, Verb
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError


def test_systemctl_is_asked_without_a_question_back() -> None:
    assert Systemd("nginx.service").command.argv == (
        *("systemctl", "--no-ask-password", "reload", "--", "nginx.service"),
    )
    of_user = Systemd("web.service", Verb.TRY_RELOAD_OR_RESTART, runtime_dir="/run/user/1000")
    assert of_user.command.argv[:2] == ("systemctl", "--user")
    assert of_user.command.environment == {"XDG_RUNTIME_DIR": "/run/user/1000"}
    assert str(of_user) == "systemctl try-reload-or-restart web.service"


@pytest.mark.parametrize("unit", ["", "-H host", "a b", "a;b", "../x", "x" * 300])
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(ValueError, match="not the name of a unit"):
        Systemd(unit)


async def test_a_systemd_that_does_not_answer_is_told_with_its_words(tmp_path: Path) -> None:
    needs.program("systemctl", apt="systemd")
    nowhere = Systemd("web.service", runtime_dir=str(tmp_path))
    with pytest.raises(DeployError, match=r"command 'systemctl' failed .*: .*bus"):
        await nowhere.tell(Written(tmp_path, marked("1")))
