"""A program that uses py-spiffe, and says in JSON lines what it got. Run as a process of its own.

The endpoint is found by SPIFFE_ENDPOINT_SOCKET, as py-spiffe does.
"""

from __future__ import annotations

import json
import sys
from queue import SimpleQueue
from typing import Any

from spiffe import SpiffeId, TrustDomain, WorkloadApiClient, X509Source  # type: ignore[import-not-found]
from spiffe.errors import PySpiffeError  # type: ignore[import-not-found]


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def everything(client: Any) -> None:
    context = client.fetch_x509_context()
    own, partner = (TrustDomain(name) for name in ("prod.example", "partner.example"))
    bundles = client.fetch_x509_bundles()
    token = client.fetch_jwt_svid({"db"}, SpiffeId("spiffe://prod.example/api"))
    jwt_bundles = client.fetch_jwt_bundles()
    local = type(token).parse_and_validate(
        token.token, jwt_bundles.get_bundle_for_trust_domain(own), {"db"}
    )
    say(
        ids=[str(svid.spiffe_id) for svid in context.x509_svids],
        default=str(context.default_svid.spiffe_id),
        context_roots=[
            len(context.x509_bundle_set.get_bundle_for_trust_domain(td).x509_authorities)
            for td in (own, partner)
        ],
        bundle_roots=[
            len(bundles.get_bundle_for_trust_domain(td).x509_authorities) for td in (own, partner)
        ],
        tokens=[str(svid.spiffe_id) for svid in client.fetch_jwt_svids({"db", "api"})],
        token=str(token.spiffe_id),
        token_audience=sorted(token.audience),
        validated_here=str(local.spiffe_id),
        validated_there=str(client.validate_jwt_svid(token.token, "db").spiffe_id),
    )


def rotations(client: Any, count: int) -> None:
    """Say what an X509Source has, now and after that many updates."""
    changed = SimpleQueue[None]()
    with X509Source(client) as source:
        source.subscribe_for_updates(lambda: changed.put(None))
        say(serial=f"{source.svid.leaf.serial_number:x}")
        for _ in range(count):
            changed.get()
            say(serial=f"{source.svid.leaf.serial_number:x}")


def refusals(client: Any) -> None:
    calls = {
        "x509": client.fetch_x509_context,
        "bundles": client.fetch_x509_bundles,
        "jwt": lambda: client.fetch_jwt_svid({"db"}),
        "jwt_bundles": client.fetch_jwt_bundles,
        "validate": lambda: client.validate_jwt_svid("a.b.c", "db"),
    }
    for name, call in calls.items():
        try:
            call()
        except PySpiffeError as error:
            say(call=name, error=str(error))


if __name__ == "__main__":
    with WorkloadApiClient() as workload_api:
        match sys.argv[1:]:
            case ["everything"]:
                everything(workload_api)
            case ["rotations", number]:
                rotations(workload_api, int(number))
            case ["refusals"]:
                refusals(workload_api)
            case _:
                sys.exit("usage: everything | rotations NUMBER | refusals")
