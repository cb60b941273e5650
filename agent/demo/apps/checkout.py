"""A legacy app that calls another over plain HTTP, for ever: ``checkout.py URL``.

It knows nothing of TLS or SPIFFE. Prints one JSON line for each request.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request


def call(url: str) -> dict[str, object]:
    """Make one request on a connection of its own."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  the demo's own URL
            return {"status": answer.status, "answer": json.load(answer)}
    except (OSError, ValueError) as error:
        return {"status": getattr(error, "code", 0), "error": str(error)}


def main() -> None:
    """Call, print, wait a little, repeat."""
    while True:
        print(json.dumps(call(sys.argv[1])), flush=True)  # noqa: T201  the app's output
        time.sleep(0.05)


if __name__ == "__main__":
    main()
