"""gRPC server reflection, v1 and v1alpha, which differ in the name of their package only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from accredit.rotation.delivery import Call, Method, Shape

if TYPE_CHECKING:
    from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

V1 = "grpc.reflection.v1.ServerReflection"
V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"


class Reflection:
    """Describes ``services`` to clients that have no ``.proto``; ``name`` is V1 or V1ALPHA.

    An agent that nobody asks does not carry the descriptors of descriptors.
    """

    def __init__(self, name: str, services: Iterable[str]) -> None:
        self.name = name
        self._services = {*services, V1, V1ALPHA}

    @property
    def methods(self) -> tuple[Method, ...]:
        """The one method of the protocol."""
        return (Method("ServerReflectionInfo", Shape.BIDI, _decode, self.info),)

    async def info(
        self, requests: AsyncIterator[ServerReflectionRequest], _call: Call
    ) -> AsyncIterator[bytes]:
        """Answer each question in turn; a question without an answer does not end the stream."""
        from accredit.agent.reflection_answers import ReflectionAnswers  # noqa: PLC0415  see above

        answers = ReflectionAnswers(self._services)
        async for request in requests:
            yield answers.answer(request)


def _decode(message: bytes) -> ServerReflectionRequest:
    from grpc_reflection.v1alpha import reflection_pb2  # noqa: PLC0415  see above

    return reflection_pb2.ServerReflectionRequest.FromString(message)
