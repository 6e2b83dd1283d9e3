"""A large body of known length takes the shortcut, and neither side can tell the difference."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Any

from tests.net.http_fakes import World
from tests.net.turning import TurningCase
from toron.core.body import Body
from toron.core.message import Request, Response
from toron.core.refusal import TOTAL_TIMEOUT, Refusal, UpstreamFailed
from toron.core.wait import Wait
from toron.net import splice
from toron.net.body_shortcut import LARGE, TAIL
from toron.net.http1_client import UpstreamConnection
from toron.net.http1_server import HttpServer
from toron.net.splice import Pipes
from toron.net.stream import Stream
from toron.net.sweep import NEVER
from toron.wire.events import RequestHead
from toron.wire.headers import Headers

MIB = 1 << 20
PATTERN = os.urandom(MIB + 1)
"""Not a whole number of pages, so that a piece that is lost or out of order shows."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def body(size: int) -> bytes:
    """So many bytes."""
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


class Shortened(TurningCase):
    """One client's connection and one server's; the test has the far ends of both."""

    room = 0
    """Bytes that the kernel takes for the client before that one does; 0: as it likes."""

    def setUp(self) -> None:
        super().setUp()
        self.calls = 0
        self.pipes = Pipes(most=4, spare=0)
        self.patch(splice.Splicer.__init__, "__defaults__", (None, self.pipes))
        genuine = os.splice

        def counted(*arguments: Any, **more: Any) -> int:
            self.calls += 1
            return genuine(*arguments, **more)

        self.patch(os, "splice", counted)
        self.world = World(self.service)
        self.overs: list[str] = []
        self.kept = 0
        self.next: Wait[None] | None = None
        """Where a pipelined request waits for the server's connection."""
        self.client, near = self.sockets()
        self.server, self.near_server = self.sockets()
        for each in (self.client, self.server):
            each.setblocking(False)
        if self.room:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.room)
        self.near_client = self.stream(near)
        self.http = HttpServer(self.world.connection(self.near_client), self.world.site)  # type: ignore[arg-type]
        self.upstream = UpstreamConnection(self.world.server, self.world.sweep, 30.0)
        self.upstream.idle = self.keep
        self.upstreams = self.stream(self.near_server)
        for stream, protocol in ((self.near_client, self.http), (self.upstreams, self.upstream)):
            stream.protocol = protocol
            protocol.makeConnection(stream)
            stream.resumeProducing()
        self.got = bytearray()
        self.addCleanup(self.end)

    def stream(self, near: socket.socket) -> Stream:
        """Ours, on one end of a connection."""
        return Stream(near, None, ("127.0.0.1", 5), self.reactor)

    def end(self) -> None:
        for stream in (self.near_client, self.upstreams):
            if stream.connected:
                stream.abortConnection()
        self.turn()
        self.turn()
        self.assertEqual(self.pipes._made, 0, "every pipe was given back")

    def keep(self, connection: UpstreamConnection) -> bool:
        self.kept += 1
        if self.next is not None:
            self.next.fire(None)
        return True

    def over(self, error: Refusal | None) -> None:
        self.overs.append("" if error is None else error.reason.word)

    async def service(self, request: Request) -> Response:
        """Asks the server."""
        if self.upstream._over is not None:
            self.next = Wait()
            await self.next
            self.next = None
        head = RequestHead(request.method, request.path, Headers([(b"Host", b"a")]), length=0)
        answer: Wait[Response] = self.upstream.begin(head, None, None, 60.0, self.over)
        return await self.changed(await answer)

    async def changed(self, response: Response) -> Response:
        """What a middleware makes of it."""
        return response

    # --- what the far ends do -----------------------------------------------------------------

    def ask(self, path: bytes = b"/a", method: bytes = b"GET") -> None:
        """A request gets to the server."""
        self.client.send(b"%b %b HTTP/1.1\r\nHost: a\r\n\r\n" % (method, path))
        self.asked(path)

    def asked(self, path: bytes) -> None:
        said = bytearray()
        self.turn_until(lambda: self.receive(self.server, said) and said.endswith(b"\r\n\r\n"))
        self.assertIn(b" %b HTTP/1.1\r\n" % path, bytes(said))

    def receive(self, sock: socket.socket, into: bytearray, most: int = MIB) -> bool:
        """Take what has come; False at the end of the stream."""
        try:
            data = sock.recv(most)
        except BlockingIOError:
            return True
        into += data
        return bool(data)

    def send(self, data: bytes) -> None:
        """The server says it, while the client listens."""
        left = memoryview(data)

        def sent() -> bool:
            nonlocal left
            left = left[self.say(left) :]
            self.receive(self.client, self.got)
            return not left

        self.turn_until(sent)

    def say(self, data: memoryview) -> int:
        """The server says what goes."""
        try:
            return self.server.send(data[:MIB])
        except BlockingIOError:
            return 0

    def stuff(self, size: int) -> int:
        """Answer with a body that the client takes nothing of, until nothing moves: how much was sent."""
        self.say(memoryview(HEAD % size))
        self.turn_until(lambda: self.http._response is not None)
        whole = memoryview(body(size))
        sent = quiet = 0
        while quiet < 20:
            more = self.say(whole[sent : sent + MIB])
            quiet = 0 if more else quiet + 1
            sent += more
            self.turn()
        self.assertIsNotNone(self.near_client.pending)
        self.assertEqual(self.pipes._made, 1)
        self.assertTrue(
            not self.near_client.dataBuffer and not self.near_client._pieces_size,
            "the server was paused at once",
        )
        return sent

    def heard(self) -> bytes:
        """The body that the client heard, of a response whose head is as ours are."""
        head, _, rest = bytes(self.got).partition(b"\r\n\r\n")
        self.assertTrue((head + b"\r\n").startswith(b"HTTP/1.1 200 OK\r\n"[: len(self.got)]), head[:100])
        return rest

    def hears(self, whole: bytes) -> None:
        """All of one response gets to the client, and nothing else."""
        self.turn_until(
            lambda: (
                self.receive(self.client, self.got)
                and b"\r\n\r\n" in self.got
                and len(self.heard()) >= len(whole)
            )
        )
        self.assertEqual(self.heard() == whole, True, "byte for byte")
        self.got.clear()

    def hears_the_end(self) -> None:
        """All that comes until the client's connection is closed."""
        self.turn_until(lambda: not self.receive(self.client, self.got))

    def reset(self, sock: socket.socket) -> None:
        """Drop a connection with a RST."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def finished(self, count: int = 1) -> list[tuple[int, int, str]]:
        """Status, bytes sent and reason of each exchange, once so many are over."""
        self.turn_until(lambda: len(self.world.finished) >= count)
        return [(status, sent, word) for _, status, sent, word in self.world.finished]


class Large(Shortened):
    """What is large goes inside the kernel."""

    def test_one_after_the_other(self) -> None:
        for number, size in enumerate((50 * MIB, 3, 4 * MIB + 5, LARGE, 2 * MIB), 1):
            before = self.calls
            self.ask(b"/%d" % number)
            self.send(HEAD % size + body(size))
            self.hears(body(size))
            self.assertEqual(self.finished(number)[-1], (200, size, ""))
            self.assertEqual(self.overs, [""] * number)
            self.assertEqual(self.kept, number, "the server's connection is used again")
            self.assertIsNone(self.upstreams.detour)
            self.assertEqual(self.upstream.deadline, NEVER)
            self.assertEqual(self.calls > before, size >= LARGE)
            self.assertEqual(self.pipes._made, 0, "none is held while nothing is held up")

    def test_a_body_that_comes_in_small_pieces(self) -> None:
        self.ask()
        whole = body(LARGE + 3)
        self.send(HEAD % len(whole))
        for start in range(0, len(whole), 5000):
            self.send(whole[start : start + 5000])
            self.turn()
        self.hears(whole)
        self.assertGreater(self.calls, 20)

    def test_a_pipelined_request(self) -> None:
        self.client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        self.asked(b"/a")
        self.send(HEAD % (3 * MIB) + body(3 * MIB))
        self.asked(b"/b")
        self.hears(body(3 * MIB))
        self.send(HEAD % MIB + body(MIB))
        self.hears(body(MIB))
        self.assertEqual(self.finished(2), [(200, 3 * MIB, ""), (200, MIB, "")])

    def test_what_the_server_says_after_it_is_not_passed_on(self) -> None:
        self.ask()
        self.send(HEAD % MIB + body(MIB) + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        self.hears(body(MIB))
        self.assertEqual(self.finished(), [(200, MIB, "")])
        self.turn_until(lambda: self.upstream.lost)
        self.assertEqual(self.overs, [""])
        self.receive(self.client, self.got)
        self.assertEqual(bytes(self.got), b"")

    def test_a_client_that_wants_no_more_after_it(self) -> None:
        self.client.send(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.asked(b"/a")
        self.send(HEAD % (3 * MIB) + body(3 * MIB))
        self.hears_the_end()
        self.assertEqual(self.heard() == body(3 * MIB), True)
        self.assertGreater(self.calls, 0)

    def test_all_that_came_is_counted(self) -> None:
        self.ask()
        self.send(HEAD % (2 * MIB) + body(MIB))
        self.turn_until(lambda: self.receive(self.client, self.got) and len(self.heard()) == MIB)
        response = self.http._response
        assert response is not None
        self.assertEqual((response.received, self.http._sent), (MIB, MIB))
        self.assertEqual((self.upstream.left_of(response), self.http.owed), (MIB, MIB))
        self.assertEqual(self.upstream.left_of(Body()), 0, "not the one under way")
        self.send(body(2 * MIB)[MIB:])
        self.hears(body(2 * MIB))
        self.assertEqual(response.received, 2 * MIB)
        self.assertEqual(self.http.owed, 0)


class HeldUp(Shortened):
    """A client that is slow, or takes nothing."""

    size = 40 * MIB

    def setUp(self) -> None:
        super().setUp()
        self.ask()
        self.sent = self.stuff(self.size)

    def test_it_is_waited_for(self) -> None:
        self.assertNotIn(self.upstreams, self.reactor.getReaders())
        self.assertLess(self.sent, self.size)
        calls = self.calls
        for _ in range(50):
            self.turn()
        self.assertEqual(self.calls, calls, "it waits until it is told")
        self.assertEqual(self.upstream.deadline, NEVER, "the server is not to blame")
        self.send(body(self.size)[self.sent :])
        self.hears(body(self.size))
        self.assertEqual(self.finished(), [(200, self.size, "")])
        self.assertIsNone(self.near_client.pending)
        self.assertFalse(self.http._full)
        self.ask(b"/next")
        self.send(HEAD % 2 + b"ok")
        self.hears(b"ok")

    def test_slow_is_not_stalled(self) -> None:
        self.world.pass_time(40)
        self.turn_until(lambda: self.receive(self.client, self.got, 1 << 16) and len(self.got) > MIB)
        self.world.pass_time(40)
        self.assertEqual(self.world.finished, [])
        self.world.pass_time(61)
        ((status, sent, word),) = self.finished()
        self.assertEqual((status, word), (200, "client_stalled"))
        self.assertLessEqual(sent, self.sent)
        self.turn_until(lambda: not self.upstreams.connected)
        self.assertEqual(self.pipes._made, 0)

    def test_a_client_that_is_gone(self) -> None:
        self.reset(self.client)
        self.assertEqual(self.finished()[0][2], "client_gone")
        self.turn_until(lambda: not self.upstreams.connected)

    def test_an_exchange_that_is_given_up(self) -> None:
        """What was taken from the server still goes out, and then the response is cut."""
        self.upstream.give_up(UpstreamFailed(TOTAL_TIMEOUT))
        self.assertEqual(self.finished()[0][2], "upstream_total_timeout")
        counted = self.finished()[0][1]
        self.hears_the_end()
        self.assertEqual(self.heard() == body(counted), True)

    def test_a_server_that_is_gone(self) -> None:
        self.server.close()
        self.hears_the_end()
        self.assertEqual(self.finished()[0][2], "upstream_closed")
        self.assertEqual(len(self.heard()), self.finished()[0][1])
        self.assertEqual(self.heard() == body(self.sent), True, "all it said is passed on")


class LittleByLittle(Shortened):
    """The kernel takes only a part of what is held up at a time."""

    room = 1 << 14

    def test_the_rest_follows(self) -> None:
        self.ask()
        self.assertEqual(self.stuff(MIB), MIB)
        self.hears(body(MIB))
        self.assertEqual(self.finished(), [(200, MIB, "")])


class Broken(Shortened):
    """Connections that break in the middle."""

    def begin(self) -> None:
        """Half of a body gets to the client."""
        self.ask()
        self.send(HEAD % (8 * MIB) + body(4 * MIB))
        self.turn_until(lambda: self.receive(self.client, self.got) and len(self.heard()) == 4 * MIB)
        self.assertIsNotNone(self.upstreams.detour)

    def test_a_server_that_closes(self) -> None:
        self.begin()
        self.server.close()
        self.hears_the_end()
        self.assertEqual(self.heard() == body(4 * MIB), True)
        self.assertEqual(self.finished(), [(200, 4 * MIB, "upstream_closed")])
        self.assertEqual((self.overs, self.kept), (["upstream_closed"], 0))

    def test_a_server_that_resets(self) -> None:
        self.begin()
        self.reset(self.server)
        self.hears_the_end()
        self.assertEqual(self.finished(), [(200, 4 * MIB, "upstream_reset")])

    def test_a_server_that_says_no_more(self) -> None:
        self.begin()
        self.world.pass_time(20)
        self.send(body(8 * MIB)[4 * MIB : 4 * MIB + 1])
        self.turn_until(lambda: self.receive(self.client, self.got) and len(self.heard()) > 4 * MIB)
        self.world.pass_time(20)
        self.assertEqual(self.world.finished, [])
        self.world.pass_time(11)
        self.assertEqual(self.finished(), [(200, 4 * MIB + 1, "upstream_idle_timeout")])
        self.hears_the_end()

    def test_a_client_that_resets(self) -> None:
        self.begin()
        self.reset(self.client)
        self.turn_until(lambda: not self.upstreams.connected)
        self.assertEqual(self.finished(), [(200, 4 * MIB, "client_gone")])
        self.assertRaises(ConnectionResetError, self.server.recv, 1)

    def test_a_client_that_breaks_while_it_is_written_to(self) -> None:
        self.begin()
        self.near_client.pauseProducing()
        self.reset(self.client)
        self.say(memoryview(PATTERN))
        self.turn_until(lambda: not self.upstreams.connected)
        self.assertEqual(self.finished()[0][2], "client_gone")


class Refused(Shortened):
    """Where it can not be had, all goes as before."""

    size = 8 * MIB

    def download(self) -> None:
        """The same as ever, twice over the same connections."""
        for number in (1, 2):
            self.ask()
            self.send(HEAD % self.size + body(self.size))
            self.hears(body(self.size))
            self.assertEqual(self.finished(number)[-1], (200, self.size, ""))
            self.assertEqual(self.kept, number)

    def test_by_the_system(self) -> None:
        for number in (errno.EINVAL, errno.EPERM, errno.ENOSYS):
            asked: list[int] = []

            def refuse(
                source: int, *_: Any, refusal: int = number, told: list[int] = asked, **__: Any
            ) -> int:
                told.append(source)
                raise OSError(refusal, "not these")

            self.patch(os, "splice", refuse)
            self.world.finished.clear()
            self.kept = 0
            self.download()
            self.assertEqual(len(asked), 2, "once for each body")

    def test_by_python(self) -> None:
        splice_ = os.splice
        self.addCleanup(setattr, os, "splice", splice_)
        del os.splice
        self.download()
        self.assertEqual(self.calls, 0)

    def test_while_there_are_no_descriptors(self) -> None:
        pipe2 = os.pipe2

        def none(flags: int) -> None:
            raise OSError(errno.EMFILE, "too many")

        self.patch(os, "pipe2", none)
        self.download()
        self.assertEqual(self.calls, 0)
        self.patch(os, "pipe2", pipe2)
        self.world.finished.clear()
        self.kept = 0
        self.download()
        self.assertGreater(self.calls, 0)


class ByHand(Shortened):
    """What must not take it, or is not worth it."""

    def tearDown(self) -> None:
        self.assertEqual(self.calls, 0)

    def test_small_ones(self) -> None:
        for size in (0, 1, TAIL, LARGE - 1):
            self.ask()
            self.send(HEAD % size + body(size))
            self.hears(body(size))

    def test_those_of_no_known_length(self) -> None:
        self.ask()
        size = 2 * MIB
        self.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.send(b"%x\r\n%b\r\n0\r\n\r\n" % (size, body(size)))
        self.turn_until(lambda: self.receive(self.client, self.got) and self.got.endswith(b"\r\n0\r\n\r\n"))
        self.assertEqual(self.finished(), [(200, size, "")])
        self.got.clear()
        self.ask()
        self.send(b"HTTP/1.1 200 OK\r\n\r\n" + body(size))
        self.server.close()
        self.turn_until(lambda: self.receive(self.client, self.got) and self.got.endswith(b"\r\n0\r\n\r\n"))
        self.assertEqual(self.finished(2)[-1], (200, size, ""))

    def test_those_that_are_not_sent(self) -> None:
        self.ask(method=b"HEAD")
        self.send(HEAD % (2 * MIB))
        self.hears(b"")
        self.assertEqual(self.finished(), [(200, 0, "")])
        self.ask()
        self.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: %d\r\n\r\n" % (2 * MIB))
        self.assertEqual(self.finished(2)[-1], (304, 0, ""))


class Changed(Shortened):
    """A middleware may do with a body what it likes."""

    read = b""

    def tearDown(self) -> None:
        self.assertEqual(self.calls, 0)

    async def changed(self, response: Response) -> Response:
        received = response.body
        assert isinstance(received, Body)
        response.body = await self.another(received)
        return response

    async def another(self, received: Body) -> Body:
        """In place of the test's body."""
        made = Body(None, received.length)
        received.pour(Through(made))
        return made

    def test_another_body(self) -> None:
        self.ask()
        self.send(HEAD % MIB + body(MIB))
        self.hears(body(MIB).swapcase())

    def test_a_body_of_which_some_was_read(self) -> None:
        async def behead(received: Body) -> Body:
            self.read = await received.read()
            return received

        self.patch(self, "another", behead)
        self.ask()
        self.send(HEAD % MIB + body(MIB))
        self.turn_until(lambda: self.finished()[0][2] == "internal_error")
        self.hears_the_end()
        self.assertEqual(self.read + self.heard() == body(MIB), True)

    def test_a_body_with_a_limit(self) -> None:
        async def bound(received: Body) -> Body:
            received.limit = MIB // 2
            return received

        self.patch(self, "another", bound)
        self.ask()
        self.send(HEAD % MIB + body(MIB // 2))
        self.turn_until(lambda: self.receive(self.client, self.got) and len(self.heard()) == MIB // 2)
        self.say(memoryview(b"x"))
        self.assertEqual(self.finished(), [(200, MIB // 2, "body_too_large")])
        self.hears_the_end()


class Through:
    """A sink that changes what it is given."""

    def __init__(self, made: Body) -> None:
        self.made = made

    def body_data(self, data: bytes) -> None:
        self.made.feed(data.swapcase())

    def body_end(self, trailers: Headers | None) -> None:
        self.made.end(trailers)

    def body_failed(self, error: BaseException) -> None:
        self.made.fail(error)

    def body_flush(self) -> None:
        self.made.flush()
