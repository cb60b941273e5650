"""The process: configuration, wiring, listener, command line. Nothing imports it."""

from __future__ import annotations

import os

# grpcio reads this as it is imported. Without it a command that is started as another user, which
# takes a fork, may die in grpcio's fork handlers before it runs: one in seven did, under load.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
