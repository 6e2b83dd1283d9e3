"""The test case whose tests run over any version of HTTP: only `way` changes."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from typing import Any, ClassVar

from tests.loopback.backends import CountingBackend
from tests.loopback.gateway import Gateway
from tests.loopback.http_case import ADMIN, HttpCase
from tests.loopback.sockets import eventually
from tests.loopback.versions.asked import Answer, Asked, always
from tests.loopback.versions.connection import Connection
from tests.loopback.versions.exchange import Exchange
from tests.loopback.versions.ways import HTTP1, Way

CONFIG = """
listeners:
  - &limits
    name: plain
    protocol: http
    address: 127.0.0.1
    port: @PORT@
    limits: {head: 8k, fields: 40}
  - <<: *limits
    name: secure
    protocol: https
    port: @SECURE@
    certificates: [{self_signed: [a.example, b.example, "::1", 127.0.0.1]}]
  - <<: *limits
    name: quic
    protocol: http3
    port: @SECURE@
    certificates: [{self_signed: [a.example, b.example, "::1", 127.0.0.1]}]
  - &hasty
    <<: *limits
    name: hasty
    port: @HASTY_PORT@
    timeouts: {body: 600ms, write: 600ms, keepalive: 600ms}
    limits: {requests: 3}
  - <<: *hasty
    name: hasty-secure
    protocol: https
    port: @HASTY_SECURE@
    certificates: [{self_signed: [a.example, b.example, "::1", 127.0.0.1]}]
  - <<: *hasty
    name: hasty-quic
    protocol: http3
    port: @HASTY_SECURE@
    certificates: [{self_signed: [a.example, b.example, "::1", 127.0.0.1]}]
middlewares:
  marks:
    type: headers
    request: {remove: X-Secret, set: {X-Id: "{method} {path}"}, add: {X-Many: ours}}
    response: {remove: X-Inside, set: {X-Frame-Options: DENY}}
  few: {type: rate-limit, rate: 2/h, key: "header:x-caller"}
routes:
  - {name: all, match: {path: /}, backend: b}
  - {match: {path: /marked}, middlewares: [marks], backend: b}
  - {match: {path: /few}, middlewares: [few], backend: b}
  - {match: {path: /small}, middlewares: [{body-limit: 10k}], backend: b}
  - {match: {path: /stripped}, middlewares: [{strip-prefix: /stripped}], backend: b}
  - {match: {path: /moved}, redirect: {to: /there, status: 307}}
  - {match: {path: /elsewhere}, middlewares: [{redirect: {host: b.example, scheme: https}}], backend: b}
  - {name: text, match: {path: /text}, respond: {body: "from here", headers: {X-From: here}}}
  - {match: {path: /nothing}, respond: {status: 204}}
  - {match: {path: /echo}, echo: {}}
  - {match: {path: /quick}, backend: quick}
  - {name: dead, match: {path: /dead}, backend: dead}
  - {match: {path: /either}, backend: either}
  - {match: {path: /one-of-two}, backend: one-of-two}
  - {match: {path: /forwarded}, backend: forwarded}
backends:
  b: {servers: ["http://127.0.0.1:@BACKEND@"]}
  quick: {servers: ["http://127.0.0.1:@BACKEND@"], timeouts: {response: 300ms, idle: 300ms, tunnel: 300ms}}
  dead: {servers: ["http://127.0.0.1:@DEAD@"]}
  either:
    servers: ["http://127.0.0.1:@BACKEND@", {url: "http://127.0.0.1:@OTHER@", backup: true}]
    retries: {on: [503], budget: 100%}
  one-of-two:
    servers: ["http://127.0.0.1:@DEAD@", {url: "http://127.0.0.1:@OTHER@", backup: true}]
    retries: {budget: 100%}
  forwarded: {servers: ["http://127.0.0.1:@BACKEND@"], forwarded: true}
drain: {limit: 5s}
"""


_numbers = itertools.count()


class VersionCase(HttpCase):
    """Tests over `way`, with one gateway for those of all classes and ways."""

    way: ClassVar[Way] = HTTP1
    CONFIG = CONFIG

    def setUp(self) -> None:
        if VersionCase not in self.running:
            for other in list(self.running):
                self.running.pop(other).close()
            gateway = Gateway(CONFIG + ADMIN)
            gateway.start()
            self.running[VersionCase] = gateway
        self.gateway = self.running[VersionCase]
        self.number = next(_numbers)
        self.asked: list[Asked] = []
        """What the server of this test was asked, in order."""

    def connect(self, door: str = "") -> Connection:
        """A connection in the way of this class, to a listener like the usual one; closed with the test."""
        connection = self.way.connect(self.gateway.ports[door + self.way.word])
        self.addCleanup(connection.close)
        return connection

    def lines(self, path: str, count: int = 1) -> list[dict[str, Any]]:
        def hurry() -> bool:
            # Lines are written in batches, a quarter of a second apart; and when the log is opened anew.
            self.gateway.kill(signal.SIGUSR1)
            found = [line for line in self.gateway.access() if line.get("path") == path]
            return len(found) >= count

        eventually(hurry, what=f"{count} access lines for {path}")
        return super().lines(path, count)

    def path(self, first: str = "") -> str:
        """A path that no other test asks for."""
        return f"{first}/{self._testMethodName}/{self.number}"

    def answering(self, answer: Answer, word: str = "BACKEND", **more: Any) -> CountingBackend:
        """Start this test's server; what it is asked is kept in `asked`."""

        def noted(asked: Asked) -> None:
            self.asked.append(asked)
            answer(asked)

        return self.backend(always(noted), word, **more)

    def exchange(self, answer: Answer, method: str = "GET", first: str = "", **more: Any) -> Exchange:
        """A server that answers so, a connection, and a request on it."""
        self.answering(answer)
        return self.connect().ask(method, self.path(first), **more)

    def echoing(self) -> CountingBackend:
        """A server that says each piece of the body back as it comes, and the trailers."""

        def answer(asked: Asked) -> None:
            asked.begin()
            while piece := asked.piece():
                asked.say(piece)
            asked.finish(*asked.trailers)

        return self.answering(answer)


def ok(asked: Asked) -> None:
    """Reads all of the body, and says `ok`."""
    asked.body()
    asked.answer(200, b"ok")


def saying(status: int, body: bytes = b"", *fields: tuple[str, str]) -> Callable[[Asked], None]:
    """An answer that is always the same, once the body is read."""

    def answer(asked: Asked) -> None:
        asked.body()
        asked.answer(status, body, *fields)

    return answer
