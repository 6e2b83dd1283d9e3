"""Small HTTP for tests: the answer that a backend gives, the request that a client makes."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.loopback.sockets import LOOPBACK


class Answer(NamedTuple):
    """What came back: names of headers in lower case, the last of several of one name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body, of which the tests know that it is text."""
        return self.body.decode()


def answer(body: str | bytes, status: int = 200, *headers: str) -> bytes:
    """A whole HTTP/1.1 response, as a CountingBackend says it; `headers` are `Name: value`."""
    data = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + data


def ask(
    port: int,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    source: str = LOOPBACK,
    timeout: float = 10.0,
) -> Answer:
    """One request over a connection of its own, from the loopback address `source`."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout, source_address=(source, 0))
    try:
        connection.request(method, path, body, {"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
    finally:
        connection.close()


def metrics(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the admin port, by name and labels."""
    families = text_string_to_metric_families(ask(port, "/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def metric(port: int, name: str, **labels: str) -> float:
    """One sample of the admin port; AssertionError when it is not there."""
    found = metrics(port)
    key = (name, frozenset(labels.items()))
    if key not in found:
        raise AssertionError(f"no {name} {labels} among {sorted(n for n, _ in found)}")
    return found[key]
