"""One request as the server behind the gateway has got it, and how it answers: HTTP/1.1 by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.loopback.backends import Script
from tests.loopback.conversation import Conversation
from tests.loopback.versions.exchange import Field
from tests.loopback.versions.frames import key_answer

Answer = Callable[["Asked"], None]
"""What a server does with a request."""


class Asked:
    """A request whose head is here; the body is read piece by piece, as it comes."""

    def __init__(self, conversation: Conversation) -> None:
        """Waits for the head; Ended when there is none."""
        self.conversation = conversation
        self.text = conversation.read_until(b"\r\n\r\n").decode("latin-1")
        """The head as it came."""
        first, *lines = self.text.rstrip("\r\n").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        pairs = (line.partition(": ") for line in lines)
        self.fields: list[Field] = [(name.lower(), value) for name, _, value in pairs]
        """In order, names in lower case."""
        self.trailers: list[Field] = []
        self.chunked = self.all("transfer-encoding") == ["chunked"]
        self.length = int(self.get("content-length") or 0)
        """Of the body, where the head says it, and of what is left of it."""
        self._chunks_out = False

    def all(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        return [value for each, value in self.fields if each == name]

    def get(self, name: str) -> str | None:
        """The value of the only field of that name; AssertionError where there are several."""
        found = self.all(name)
        if len(found) > 1:
            raise AssertionError(f"{len(found)} times {name}: {found}")
        return found[0] if found else None

    # --- the body -----------------------------------------------------------------------------

    def piece(self) -> bytes:
        """The next piece of the body, b"" at its end; `trailers` are there then. Ended where it is cut."""
        if self.chunked:
            return self._chunk()
        if not self.length:
            return b""
        data = self.conversation.read_exactly(min(self.length, 1 << 14))
        self.length -= len(data)
        return data

    def _chunk(self) -> bytes:
        size = int(self.conversation.read_until(b"\r\n"), 16)
        data = self.conversation.read_exactly(size)
        if data:
            self.conversation.read_until(b"\r\n")
            return data
        self.chunked = False
        while (line := self.conversation.read_until(b"\r\n")) != b"\r\n":
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(": ")
            self.trailers.append((name.lower(), value))
        return b""

    def body(self) -> bytes:
        """The rest of the body."""
        return b"".join(iter(self.piece, b""))

    # --- the answer ---------------------------------------------------------------------------

    def inform(self, status: int, *fields: Field) -> None:
        """An interim response."""
        self.conversation.send(_head(status, fields))

    def begin(self, status: int = 200, *fields: Field, length: int | None = None) -> None:
        """The head of the answer; without a length its body comes in chunks."""
        self._chunks_out = length is None
        framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
        self.conversation.send(_head(status, [*fields, framing]))

    def say(self, data: bytes) -> None:
        """Some of the body."""
        self.conversation.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunks_out else data)

    def finish(self, *trailers: Field) -> None:
        """The end of a body in chunks."""
        lines = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in trailers)
        self.conversation.send(b"0\r\n" + lines + b"\r\n")

    def answer(self, status: int = 200, body: bytes = b"", *fields: Field) -> None:
        """A whole answer."""
        framing = ("Content-Length", str(len(body)))
        self.conversation.send(_head(status, [*fields, framing]) + body)

    def bare(self, status: int, *fields: Field) -> None:
        """An answer that has no body by its nature, and says nothing else of it."""
        self.conversation.send(_head(status, fields))


def _head(status: int, fields: Iterable[Field]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def always(answer: Answer) -> Script:
    """A script that gives every request of a connection to `answer`, after what was left of the last."""

    def script(conversation: Conversation) -> None:
        while True:
            asked = Asked(conversation)
            answer(asked)
            asked.body()

    return script


def accept(asked: Asked) -> None:
    """Switch to a WebSocket, as RFC 6455 section 4.2.2 has it."""
    key = asked.get("sec-websocket-key")
    assert key is not None, asked.text
    fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Accept", key_answer(key))]
    asked.bare(101, *fields)
