"""Both sides of HTTP/2, said to each other: what one says the other understands, in pieces too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import Data, End, Event, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2 import Http2ClientCodec, Http2Limits, Http2ServerCodec, StreamEvent

BODIES = st.lists(st.binary(max_size=40_000), max_size=4)


def passed(
    sender: Http2ClientCodec | Http2ServerCodec, receiver: Http2ClientCodec | Http2ServerCodec, size: int
) -> list[StreamEvent]:
    """What the receiver makes of what the sender owes, `size` bytes at a time."""
    said = sender.outgoing()
    events: list[StreamEvent] = []
    for start in range(0, len(said), size):
        events += receiver.receive(said[start : start + size])
    return events


class Conversations(SynchronousTestCase):
    """A client and a server."""

    @given(st.lists(st.tuples(BODIES, BODIES), min_size=1, max_size=5), st.sampled_from([1 << 20, 1000, 7]))
    def test_many_exchanges_at_a_time(self, bodies: list[tuple[list[bytes], list[bytes]]], size: int) -> None:
        limits = Http2Limits(window=1 << 20)
        client, server = Http2ClientCodec(limits, b"http"), Http2ServerCodec(limits, b"http")
        asked: dict[int, list[Event]] = {}
        heard: dict[int, list[Event]] = {}
        sent: dict[int, tuple[bytes, bytes]] = {}

        def talk() -> None:
            while True:
                to_server, to_client = passed(client, server, size), passed(server, client, size)
                for events, kept, codec in ((to_server, asked, server), (to_client, heard, client)):
                    for number, event in events:
                        kept.setdefault(number, []).append(event)
                        if isinstance(event, Data):
                            codec.credit(number, len(event.data))
                if not to_server and not to_client:
                    return

        talk()
        for question, answer in bodies:
            head = RequestHead(
                b"POST", b"/x", Headers([(b"Host", b"a"), (b"X-Count", b"%d" % len(sent))]), length=None
            )
            number = client.request(head)
            sent[number] = b"".join(question), b"".join(answer)
            for piece in question:
                client.send(number, Data(piece))
            client.send(number, End(Headers([(b"x-sum", b"1")])))
        talk()
        for number, (_, answered) in sent.items():
            server.send(number, ResponseHead(200, Headers(), length=len(answered)))
            server.send(number, Data(answered))
            server.send(number, End())
        talk()
        for number, (question_sent, answer_sent) in sent.items():
            for kept, whole in ((asked, question_sent), (heard, answer_sent)):
                events = kept[number]
                got = b"".join(event.data for event in events if isinstance(event, Data))
                self.assertEqual((got, type(events[-1])), (whole, End))
        self.assertEqual((client.open, server.open, client.broken, server.broken), (0, 0, False, False))
