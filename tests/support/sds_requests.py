"""Requests of a state-of-the-world stream, as Envoy makes them."""

from __future__ import annotations

from accredit.sds_server.requests import Request


def ask(*names: str, version: str = "") -> Request:
    return Request(names, version=version)


def ack(nonce: str, *names: str, version: str = "") -> Request:
    return Request(names, version=version, nonce=nonce)


def nack(nonce: str, *names: str, version: str = "") -> Request:
    return Request(names, version=version, nonce=nonce, error="KEY_VALUES_MISMATCH")
