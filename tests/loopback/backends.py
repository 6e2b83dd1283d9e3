"""A TCP server inside the test process that counts the connections and the bytes that reach it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from tests.loopback.conversation import Conversation, Ended
from tests.loopback.sockets import LOOPBACK

Script = Callable[[Conversation], None]


def _drink(conversation: Conversation) -> None:
    conversation.read_all()


def _always(answer: bytes) -> Script:
    def script(conversation: Conversation) -> None:
        while True:
            conversation.read_request()
            conversation.send(answer)

    return script


class CountingBackend:
    """A TCP server on 127.0.0.1, a thread per connection, that counts connections and bytes.

    `answer` is a script for each connection (it is closed when the script returns), or the bytes
    that answer every HTTP request, or None: say nothing, drink all. A script may let Ended and
    OSError out; any other exception fails the test when the backend is closed.
    """

    def __init__(
        self,
        answer: bytes | Script | None = None,
        *,
        port: int = 0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._script = _always(answer) if isinstance(answer, bytes) else answer or _drink
        self._port = port
        self._context = context
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.conversations: list[Conversation] = []
        self.errors: list[Exception] = []
        self.port = 0

    def start(self) -> None:
        """Listens; `port` is known from here on."""
        self._listener = socket.create_server((LOOPBACK, self._port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(sock)
            self._spawn(self._serve, sock, Conversation(sock, self._stopping))

    def _serve(self, sock: socket.socket, conversation: Conversation) -> None:
        self.conversations.append(conversation)
        try:
            if self._context is not None:
                conversation.sock = self._context.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.discard(sock)
                    sock = conversation.sock
                    self._open.add(sock)
            self._script(conversation)
        except (Ended, OSError):
            conversation.ended = True
        except Exception as error:
            self.errors.append(error)
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    @property
    def connections(self) -> int:
        """How many were accepted, ever."""
        return len(self.conversations)

    @property
    def open(self) -> int:
        """How many are being served now."""
        return len(self._open)

    @property
    def bytes_in(self) -> int:
        """How many bytes came in, on all connections (of a TLS backend: decrypted)."""
        return sum(conversation.bytes_in for conversation in self.conversations)

    def close(self) -> None:
        """Stops listening, ends every connection; AssertionError when a script was wrong."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        if self.errors:
            raise AssertionError(f"a backend's script failed: {self.errors}") from self.errors[0]
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("a backend's script does not end; use Conversation.wait, not sleep")
