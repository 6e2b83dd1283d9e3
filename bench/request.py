"""Times one proxied request step by step, without a network: what of its cost is ours.

    python -m bench.request            # a table; TORON_PURE=1 shows the modules as they are written

The gateway is composed as it always is; only the two transports and the dialling are not real.
Each step is timed alone, in a loop, so that what the processor remembers flatters it: the last line
is what all of them leave of the whole.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from toron import plugin
from toron.compiled import described
from toron.compose import Composition
from toron.config.load import load
from toron.core.wait import Task, Wait
from toron.net.connection import Connection
from toron.net.http1_server import HttpServer
from toron.wire.events import Data, End, RequestHead, ResponseHead
from toron.wire.http1 import ClientCodec, ServerCodec

CONFIG = """
listeners: [{name: web, protocol: http, address: 127.0.0.1, port: 8080}]
routes: [{match: {path: /}, backend: {url: "http://127.0.0.1:9000"}}]
access_log: {path: access.log}
"""

REQUEST = b"GET /small HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
"""As wrk sends it."""

RESPONSE = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n"
)
"""As nginx answers it."""

REST = "the rest: connections, the proxy's decisions, the route"


class Transport:
    """Takes what is written, and forgets what came before."""

    connected = True
    disconnecting = TLS = False

    def __init__(self) -> None:
        self.said = b""
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        self.said = data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Nothing is ever paused here."""

    unregisterProducer = pauseProducing = resumeProducing = lambda self: None


class Still(Clock):
    """A reactor without descriptors."""

    def callFromThread(self, function: Callable[..., None], *arguments: object) -> None:  # noqa: N802
        self.callLater(0, function, *arguments)


class Rig:
    """A composed gateway with one client and one server connected to it."""

    def __init__(self, folder: Path) -> None:
        (folder / "toron.yaml").write_text(CONFIG)
        reactor = Still()
        composed = Composition(
            load(str(folder / "toron.yaml"), plugin, {}), reactor, random.Random(0), time.time
        )
        composed.whole(lambda message: None)
        log: Any = composed.access_log
        log.running = 1
        log._writer.put = lambda data: True
        [group] = composed.groups
        self.proxy: Any = group.proxy
        self.server = group.backend.servers[0]
        self.upstream = Transport()
        group.dialer.dial = self._dial
        [self.site] = composed.doors.sites.values()
        self.client = Transport()
        self.connection = Connection(reactor, "web", self.client, ("127.0.0.1", 5555), ("127.0.0.1", 8080))
        self.http = HttpServer(self.connection, self.site)
        self.client.protocol = self.http
        self.http.makeConnection(self.client)

    async def _dial(self, server: Any, protocol: Any, first: bytes = b"") -> Transport:
        self.upstream.protocol = protocol
        protocol.makeConnection(self.upstream)
        return self.upstream

    def ask(self) -> None:
        """One request, and its response."""
        self.http.dataReceived(REQUEST)
        self.upstream.protocol.dataReceived(RESPONSE)


def steps(rig: Rig) -> dict[str, Callable[[], object]]:
    """The steps of a request by their names, in their order; each can be done again and again."""
    rig.ask()
    reading, asking = ServerCodec(), ClientCodec()
    site, proxy, server = rig.site, rig.proxy, rig.server
    asked: Any = reading.receive(REQUEST)[0]
    assert isinstance(asked, RequestHead)
    origin = site.origin(rig.connection)
    request = site.request(origin, asked)
    request.backend, request.server, request.route, request.answered_after = (
        proxy.backend,
        server,
        "1:*/",
        0.001,
    )
    sent = proxy._head(request, server, None)
    end = End()
    asking.send(sent)
    asking.send(end)
    asking.outgoing()
    said = asking.receive(RESPONSE)
    assert [type(event) for event in said] == [ResponseHead, Data, End]
    kept = proxy.pool.take(server, False)

    def read_request() -> None:
        reading.reading = "head"
        reading.receive(REQUEST)

    def write_request() -> None:
        asking.reading = asking.writing = "done"
        asking._keeps_open = True
        asking.send(sent)
        asking.send(end)
        asking.outgoing()

    def read_response() -> None:
        asking.reading, asking.writing = "head", "done"
        asking.receive(RESPONSE)

    def write_response() -> None:
        reading.reading, reading.writing = "done", "head"
        for event in said:
            reading.send(event)
        reading.outgoing()

    def take_and_keep() -> None:
        lease = proxy.backend.lease(request, [], 0.0)
        proxy.pool.keep(proxy.pool.take(server, False))
        lease.release()

    async def wait(answer: Wait[int]) -> int:
        return await answer

    def wait_once() -> None:
        answer: Wait[int] = Wait()
        waiting: Coroutine[Any, Any, int] = wait(answer)
        Task(waiting, lambda result, error: None).start()
        answer.fire(1)

    proxy.pool.keep(kept)
    return {
        "the client's head read": read_request,
        "a Request made of it": lambda: site.request(origin, asked),
        "a server leased, its connection taken and kept": take_and_keep,
        "a head made for the server": lambda: proxy._head(request, server, None),
        "the head said": write_request,
        "a coroutine that waits once": wait_once,
        "the server's response read": read_response,
        "the response said": write_response,
        "counted, and its access line encoded": lambda: site.finished(rig.http, request, 200, 12, None, ""),
    }


def microseconds(step: Callable[[], object], times: int) -> float:
    """What one step costs: the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            step()
        best = min(best, (time.process_time() - start) / times)
    return best * 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.request", description=str(__doc__).splitlines()[0])
    parser.add_argument("--times", type=int, default=20_000, help="repetitions of each step in a round")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        gc.disable()
        parts = {name: microseconds(step, times) for name, step in steps(rig).items()}
        whole = microseconds(rig.ask, times)
    parts[REST] = whole - sum(parts.values())
    sys.stdout.write(f"hot path: {described(os.environ)}\n\n")
    for name, cost in [*parts.items(), ("the whole request", whole)]:
        sys.stdout.write(f"{cost:6.2f} µs  {name}\n")


if __name__ == "__main__":
    main()
