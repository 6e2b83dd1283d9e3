"""The other side of an HTTP/2 connection in a test: the h2 package over a transport that only remembers."""

from __future__ import annotations

from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection

from tests.net.http_fakes import Transport

REQUEST = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/a")]


class Partner:
    """Says what h2 says to a protocol, and gives what h2 makes of the answer."""

    def __init__(self, protocol: Any, transport: Transport, *, client: bool, validate: bool = True) -> None:
        """Without `validate` it says heads that are not well formed too."""
        configuration = H2Configuration(
            client_side=client, header_encoding="utf-8", validate_outbound_headers=validate,
            normalize_outbound_headers=validate,
        )  # fmt: skip
        self.h2: Any = H2Connection(configuration)
        # h2 takes a GOAWAY for the end of the connection: RFC 9113 section 6.8 lets streams under way go on.
        machine = self.h2.state_machine
        more = {
            (here, ConnectionInputs.RECV_GOAWAY): (None, here)
            for here in (ConnectionState.IDLE, ConnectionState.CLIENT_OPEN, ConnectionState.SERVER_OPEN)
        }
        machine._transitions = {**machine._transitions, **more}
        self.protocol = protocol
        self.transport = transport
        self.h2.initiate_connection()

    def talk(self) -> list[Any]:
        """Exchange what both sides have to say until neither has more; the events of this side."""
        events: list[Any] = []
        while True:
            said = self.h2.data_to_send()
            if said:
                self.protocol.dataReceived(said)
            heard = self.transport.said()
            if heard:
                events += self.h2.receive_data(heard)
            if not said and not heard:
                return events

    def kinds(self) -> list[str]:
        """The names of those events."""
        return [type(event).__name__ for event in self.talk()]

    def ask(self, path: str = "/a", *fields: tuple[str, str], method: str = "GET", end: bool = True) -> int:
        """Begin a request; the number of its stream."""
        number: int = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path), *fields]
        self.h2.send_headers(number, head, end_stream=end)
        return number


def of(events: list[Any], kind: str) -> list[Any]:
    """The events of that name."""
    return [event for event in events if type(event).__name__ == kind]


def told(events: list[Any], number: int) -> tuple[dict[str, str], bytes, bool]:
    """The fields of the response on a stream, its body so far, and whether it is whole."""
    fields: dict[str, str] = {}
    for event in of(events, "ResponseReceived"):
        if event.stream_id == number:
            fields = dict(event.headers)
    body = b"".join(event.data for event in of(events, "DataReceived") if event.stream_id == number)
    return fields, body, any(event.stream_id == number for event in of(events, "StreamEnded"))
