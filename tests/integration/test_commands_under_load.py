"""Commands started as another user while grpcio is at work, which takes a fork of the agent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import needs

_COMMANDS = 150

# A process of its own: grpcio reads how to take forks once.
_PROGRAM = """
import asyncio, sys, threading
from pathlib import Path

from accredit.agent import transport as _  # as the agent comes to grpcio
from accredit.file_output.fileset import FileSet
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.way import Written
import grpc


async def answer(request, _context):
    return request


def call(path, over):
    while not over.is_set():
        with grpc.insecure_channel(f"unix:{path}") as channel:
            for _ in range(20):
                channel.unary_unary("/test.Echo/Echo")(b"")


async def serve(path):
    server = grpc.aio.server()
    handlers = {"Echo": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_registered_method_handlers("test.Echo", handlers)
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    over = threading.Event()
    threads = [threading.Thread(target=call, args=(path, over)) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        await tell()
    finally:
        over.set()
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        await server.stop(None)


async def tell():
    command, written = Command(("true",), user="daemon"), Written(Path("/"), FileSet((), "v"))
    for _ in range(int(sys.argv[2])):
        await command.tell(written)


asyncio.run(serve(sys.argv[1]))
"""


@pytest.mark.root
def test_no_command_dies_before_it_runs(tmp_path: Path) -> None:
    needs.root()  # only root starts commands as somebody else
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRPC_")}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, tmp_path / "s", str(_COMMANDS)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
