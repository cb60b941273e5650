"""One conversation with a message bus, from connect to close; what nobody asked for is dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.constants import MessageFlag

from accredit.attestation.systemd.bounded import BoundedBus
from accredit.identity.errors import UnavailableError

BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
_MAX_SHOWN = 200


class BusError(Exception):
    """An answer that is an error; ``name`` says which."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


class Conversation:
    """Asks, one question after the other."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    @property
    def own_name(self) -> str:
        """Our own unique name on the bus."""
        return str(self._bus.unique_name)

    async def ask(  # noqa: PLR0913  a method call has that many parts
        self,
        to: str,
        path: str,
        method: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        descriptors: Sequence[int] = (),
        expected: str,
    ) -> list[Any]:
        """Call ``method``, interface and member in one, and return an answer of that signature.

        Raises:
            BusError: the answer is an error.
            UnavailableError: the bus is gone, or the answer is none.
        """
        interface, _, member = method.rpartition(".")
        try:
            question = Message(
                destination=to,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
                unix_fds=list(descriptors),
                flags=MessageFlag.NO_AUTOSTART,
            )
            answer = await self._bus.call(question)
        except Exception as error:  # whatever the library makes of what came
            raise UnavailableError(f"the bus is gone: {_shown(error)}") from error
        return _body(answer, member, to, expected)

    async def ask_bus(self, member: str, name: str, expected: str) -> Any:
        """Return what the bus itself says about a connection or a name."""
        return (await self.ask(BUS, BUS_PATH, f"{BUS}.{member}", "s", [name], expected=expected))[0]


@asynccontextmanager
async def conversation(socket: Path) -> AsyncIterator[Conversation]:
    """Converse with the bus that listens at ``socket``; the connection is closed afterwards.

    Raises:
        UnavailableError: nobody listens, or what listens is no bus.
    """
    bus = BoundedBus(socket)
    bus.add_message_handler(_drop)
    try:
        await bus.connect()
    except Exception as error:  # whatever the library makes of what came
        raise UnavailableError(f"no bus at {socket}: {_shown(error)}") from error
    try:
        if not bus.bounded:
            raise UnavailableError("this dbus-fast works otherwise than those known; install 5.2")
        yield Conversation(bus)
    finally:
        bus.disconnect()
        with suppress(Exception):  # why it ended has been told to whoever asked last
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # it returns nothing


def _drop(message: Message) -> bool:
    return message.message_type is MessageType.METHOD_CALL


def _body(answer: Message | None, member: str, to: str, expected: str) -> list[Any]:
    if answer is None:
        raise UnavailableError("the bus is gone")
    # The library takes any answer with the right number, and numbers are easy to guess; a usual
    # bus lets through only what was asked for. It tells itself when who was asked has gone.
    if answer.sender not in {to, BUS}:
        raise UnavailableError(f"{member} was answered by {_shown(answer.sender)!r}, not {to!r}")
    if answer.message_type is MessageType.ERROR:
        text = answer.body[0] if answer.body else ""
        raise BusError(_shown(answer.error_name), _shown(text))
    if answer.signature != expected:
        raise UnavailableError(f"{member} was answered with a {_shown(answer.signature)!r}")
    return list(answer.body)


def _shown(text: object) -> str:
    shown = str(text)[:_MAX_SHOWN]
    return shown if shown.isprintable() else repr(shown)
