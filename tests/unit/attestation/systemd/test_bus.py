"""A bus that is none, goes away, or carries what nobody asked for."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus
from support import descriptors
from support.eventually import eventually
from support.fake_systemd import FakeSystemd, on_bus, values
from support.message_bus import message_bus

from accredit.attestation.attestor import attest
from accredit.attestation.caller import KernelCaller
from accredit.attestation.systemd.attestor import SystemdAttestor
from accredit.attestation.systemd.bounded import BoundedBus
from accredit.attestation.systemd.bus import BUS, BUS_PATH
from accredit.attestation.systemd.settings import SystemdSettings
from accredit.identity.errors import UnavailableError


async def test_no_bus_is_worth_another_try(tmp_path: Path, caller: KernelCaller) -> None:
    attestor = SystemdAttestor(SystemdSettings(tmp_path / "none: here"))
    with pytest.raises(UnavailableError, match=r"no bus at .*none: here: .*No such file"):
        await attestor.attest(caller)


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"OK 1\r\nAGREE_UNIX_FD\r\n" + b"l\1\0\1" * 40],
    ids=["nothing", "http", "garbage"],
)
async def test_what_is_no_bus_is_worth_another_try(
    tmp_path: Path, caller: KernelCaller, said: bytes
) -> None:
    path = tmp_path / "s"

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        with pytest.raises(UnavailableError, match="no bus at"):
            await SystemdAttestor(SystemdSettings(path)).attest(caller)


async def test_a_bus_that_says_nothing_costs_no_more_than_the_deadline(
    tmp_path: Path, caller: KernelCaller
) -> None:
    path = tmp_path / "s"
    hung = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    async with await asyncio.start_unix_server(silent, path):
        attestor = SystemdAttestor(SystemdSettings(path))
        found = await attest(caller, [attestor], timedelta(milliseconds=50))
        hung.set()
    assert found.failures == {"systemd": "no answer within 0.05 seconds"}
    assert found.retry


async def test_a_bus_that_goes_away_midway_is_worth_another_try(
    tmp_path: Path, caller: KernelCaller
) -> None:
    fake = FakeSystemd()
    with message_bus(tmp_path) as bus:
        async with on_bus(fake, bus) as its_end:

            def hang_up(_: Message) -> None:
                its_end.disconnect()

            fake.instead["GetUnitByPIDFD"] = hang_up
            with pytest.raises(UnavailableError, match=r"NoReply|ServiceUnknown|NameHasNoOwner"):
                await SystemdAttestor(SystemdSettings(bus)).attest(caller)


@pytest.mark.parametrize(
    "gift_of",
    [
        (0, "answered with a 'o'"),
        (1 << 20, "somebody sent a message of 10486.. bytes"),
    ],
)
async def test_what_strangers_send_is_neither_taken_nor_read(
    bus: Path,
    systemd: FakeSystemd,
    attestor: SystemdAttestor,
    caller: KernelCaller,
    gift_of: tuple[int, str],
) -> None:
    """Whoever is on the bus may send to us; a descriptor kept for each would soon be the last."""
    ballast, reason = gift_of
    systemd.add(caller.pid, "web.service")
    await values(attestor, caller)
    stranger = await MessageBus(f"unix:path={bus}", negotiate_unix_fd=True).connect()
    ours, theirs = socket.socketpair()

    def with_a_gift(message: Message) -> Message | None:
        os.close(message.unix_fds[0])
        gift = Message.new_signal("/x", "x.y", "Z", "hay", [0, bytes(ballast)], [theirs.fileno()])
        gift.destination = message.sender
        stranger.send(gift)
        # A large one would come after the answer.
        return None if ballast else systemd._by_pid(message, caller.pid)

    systemd.instead["GetUnitByPIDFD"] = with_a_gift
    with ours, theirs:
        before = descriptors.count()
        with pytest.raises(UnavailableError, match=reason):
            async with asyncio.timeout(60):
                await attestor.attest(caller)
        await eventually(lambda: descriptors.count() == before)
        theirs.close()
        assert ours.recv(1) == b""  # nobody has it
    stranger.disconnect()
    await stranger.wait_for_disconnect()  # type: ignore[no-untyped-call]  # nothing


async def test_a_flood_from_strangers_does_not_go_on_and_on(
    bus: Path, systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    stranger = await MessageBus(f"unix:path={bus}").connect()
    asker: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def silent(message: Message) -> None:
        os.close(message.unix_fds[0])
        asker.set_result(str(message.sender))

    async def flood() -> None:
        destination = await asker
        while True:
            signal = Message.new_signal("/x", "x.y", "Z")
            signal.destination = destination
            await stranger.send(signal)
            await stranger.call(Message(BUS, BUS_PATH, f"{BUS}.Peer", "Ping"))  # it has got through

    systemd.instead["GetUnitByPIDFD"] = silent
    async with asyncio.TaskGroup() as group:
        flooding = group.create_task(flood())
        with pytest.raises(UnavailableError, match="somebody sent too many messages"):
            async with asyncio.timeout(60):
                await attestor.attest(caller)
        flooding.cancel()
    stranger.disconnect()
    await stranger.wait_for_disconnect()  # type: ignore[no-untyped-call]  # nothing


async def test_an_answer_by_somebody_else_is_none(
    bus: Path, systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    """The system's bus lets none through; one with another policy might."""
    stranger = await MessageBus(f"unix:path={bus}").connect()

    def forged(message: Message) -> None:
        os.close(message.unix_fds[0])
        answer = Message.new_method_return(message, "osay", ["/x/7", "forged.service", bytes(16)])
        stranger.send(answer)

    systemd.add(7, "forged.service")
    systemd.instead["GetUnitByPIDFD"] = forged
    with pytest.raises(UnavailableError, match=r"GetUnitByPIDFD was answered by ':1\.\d+'"):
        async with asyncio.timeout(60):
            await attestor.attest(caller)
    stranger.disconnect()
    await stranger.wait_for_disconnect()  # type: ignore[no-untyped-call]  # nothing


async def test_a_library_that_works_otherwise_is_not_used(
    bus: Path, caller: KernelCaller, attestor: SystemdAttestor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(BoundedBus, "_create_socket_for_transport")
    assert bus.exists()
    with pytest.raises(UnavailableError, match="works otherwise than those known"):
        await attestor.attest(caller)
