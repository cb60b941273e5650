from __future__ import annotations

from pathlib import Path

import pytest
from support.file_sets import marked
from support.way import ScriptedWay

from accredit.file_output.address import Address
from accredit.file_output.tell.haproxy import HaproxyRuntime, Loaded, Store
from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError

NOWHERE = Cli(Address(path="/nowhere/socket"))
OLD, NEW = marked("1", "haproxy.pem", "ca.crt"), marked("2", "haproxy.pem", "ca.crt")


def test_a_file_is_called_by_its_path_in_the_folder_unless_the_configuration_differs() -> None:
    assert Loaded("haproxy.pem").path == "{dir}/haproxy.pem"
    assert Loaded("ca.crt", Store.AUTHORITIES, "/etc/ca.crt").path == "/etc/ca.crt"
    assert str(HaproxyRuntime((NOWHERE,), ())) == "haproxy runtime API at unix:/nowhere/socket"


async def test_when_more_changed_than_it_may_replace_the_other_way_is_taken() -> None:
    otherwise = ScriptedWay()
    way = HaproxyRuntime((NOWHERE,), (Loaded("haproxy.pem"),), otherwise)
    await way.tell(Written(Path("/f"), NEW))
    await way.tell(Written(Path("/f"), NEW, before=OLD))
    assert len(otherwise.told) == 2
    await way.tell(Written(Path("/f"), NEW, before=NEW))
    assert len(otherwise.told) == 2


async def test_only_what_changed_is_replaced() -> None:
    unchanged = Loaded("haproxy.pem")
    await HaproxyRuntime((NOWHERE,), (unchanged,)).tell(Written(Path("/f"), NEW, before=NEW))
    with pytest.raises(DeployError, match="cannot be reached"):
        await HaproxyRuntime((NOWHERE,), (unchanged,)).tell(Written(Path("/f"), NEW, before=OLD))


async def test_a_file_that_the_output_lacks_is_named() -> None:
    with pytest.raises(DeployError, match=r"the output has no file 'other\.pem'"):
        await HaproxyRuntime((NOWHERE,), (Loaded("other.pem"),)).tell(Written(Path("/f"), NEW))
