"""What all HTTP connections of one listener share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import formatdate
from random import Random
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.core.agreement import Agreement
from toron.core.forwarding import Forwarding, certificate_fields, client_fields
from toron.core.message import Request, Response
from toron.core.path import route_path
from toron.core.refusal import BODY_TOO_LARGE, INTERNAL, REASONS, Reason, Refusal
from toron.core.wait import Cancelled, Task
from toron.net.connection import Connection
from toron.net.sweep import Sweep
from toron.net.unread import UnreadConnections
from toron.wire.events import RequestHead
from toron.wire.headers import Headers, Remembered

Finished = Callable[[Any, Request, int, int, Reason | None, str], None]
"""Told of every exchange that is over: connection, request, status, body bytes sent, reason, detail."""
Answered = Callable[[Response | None, BaseException | None], None]
"""Told of the response, or of why there is none."""


class HttpSite:
    """A listener's service, limits and times; sizes in bytes, times in seconds."""

    __slots__ = (
        "_date",
        "_date_until",
        "agreement",
        "body_limit",
        "body_seconds",
        "draining",
        "encoded_slashes",
        "fields_most",
        "finished",
        "forwarding",
        "head_most",
        "head_seconds",
        "keepalive_seconds",
        "listener",
        "log",
        "max_requests",
        "new_id",
        "patient",
        "port",
        "random",
        "reactor",
        "scheme",
        "service",
        "stats",
        "streams_most",
        "sweep",
        "unread",
        "wall",
        "write_seconds",
    )  # fmt: skip

    def __init__(
        self,
        *,
        reactor: Any,
        sweep: Sweep,
        listener: str,
        scheme: bytes,
        service: Callable[[Request], Awaitable[Response]],
        forwarding: Forwarding,
        finished: Finished,
        new_id: Callable[[], str],
        wall: Callable[[], float],
        stats: Any,
        random: Random,
    ) -> None:
        """`wall` gives Unix seconds."""
        self.reactor = reactor
        self.sweep = sweep
        self.unread = UnreadConnections(sweep)
        self.listener = listener
        self.scheme = scheme
        self.service = service
        self.forwarding = forwarding
        self.finished = finished
        self.new_id = new_id
        self.wall = wall
        self.stats = stats
        self.random = random
        self._date = b""
        self._date_until = 0.0
        self.port = 0
        self.head_most = 32 << 10
        self.fields_most = 100
        self.body_limit = 256 << 20
        self.max_requests = 0
        self.streams_most = 100
        """Exchanges at a time on one connection, where its version of HTTP can carry several."""
        self.head_seconds = 10.0
        self.body_seconds = 60.0
        self.keepalive_seconds = 75.0
        self.write_seconds = 60.0
        self.agreement: Agreement | None = None
        """Between the name in the handshake and the hosts of requests, where there has to be one."""
        self.encoded_slashes = False
        """Whether a path may hold `%2F`, which some servers take for a separator and others not."""
        self.draining = False
        self.patient = False
        """Whether tunnels, such as WebSockets, may stay when connections are asked to end."""
        self.log = Logger()

    def switch(self, other: HttpSite) -> None:
        """Requests from here on get the service, limits and times of `other`.

        What is read of a request's head is bounded as it was when its connection was accepted.
        """
        for name in _SWITCHED:
            setattr(self, name, getattr(other, name))

    def drain(self) -> None:
        """Every answer from here on is the last of its connection."""
        self.draining = True

    def linger(self, patient: bool) -> None:
        """Whether tunnels may stay from here on."""
        self.patient = patient

    def date(self) -> bytes:
        """The time for a Date field (RFC 9110 section 6.6.1), written once a second."""
        if self.sweep.now >= self._date_until:
            self._date_until = self.sweep.now + 1.0
            self._date = formatdate(self.wall(), usegmt=True).encode("ascii")
        return self._date

    def origin(self, connection: Connection) -> Request:
        """What all the requests of a connection have in common, as a request that nobody made."""
        origin = Request(b"", b"", Headers(), scheme=self.scheme, client_ip=connection.client_ip)
        origin.listener = self.listener
        origin.port = self.port
        origin.peer_port = connection.client_port
        origin.peer = f"{connection.client_ip}:{connection.client_port}"
        origin.local = (connection.local_ip, connection.local_port)
        origin.tls = connection.tls
        origin.trusted_peer = self.forwarding.trusts(connection.client_ip)
        if not origin.trusted_peer:
            origin.client_fields = client_fields(connection.client_ip, self.scheme, self.port)
            origin.client_fields += certificate_fields(connection.tls)
        return origin

    def request(self, origin: Request, head: RequestHead) -> Request:
        """The Request that a head begins; its body and its way to be routed are not set yet."""
        target = path = head.target
        query = None
        if target.find(b"?") >= 0:
            path, _, query = target.partition(b"?")
        request = Request(head.method, path, head.headers, query=query)
        request.asked = target
        request.id = self.new_id()
        request.arrived = self.reactor.seconds()
        request.version = head.version
        request.host = _host_of(head.authority)
        request.upgrade = head.upgrade or None
        request.expects_continue = head.expects_continue
        request.accepts_trailers = head.accepts_trailers
        request.scheme = origin.scheme
        request.listener = origin.listener
        request.port = origin.port
        request.client_ip = request.peer_ip = origin.peer_ip
        request.peer_port = origin.peer_port
        request.peer = origin.peer
        request.local = origin.local
        request.tls = origin.tls
        request.client_fields = origin.client_fields
        if origin.trusted_peer:
            request.trusted_peer = True
            request.client_ip = self.forwarding.client(origin.peer_ip, head.headers)
        return request

    def check(self, request: Request, length: int | None) -> None:
        """Set the path that routes see; Refusal when such a host, body or path is not taken.

        Whoever asks for the host that was asked for before, over the same connection, is not looked at twice.
        """
        tls = request.tls
        if tls is not None and request.host != tls.host and self.agreement is not None:
            self.agreement.check(tls, request.host)
        if length is not None and length > self.body_limit:
            raise Refusal(BODY_TOO_LARGE, f"{length} bytes; {self.body_limit} are allowed")
        if request.path != b"*":
            path = request.route_path = route_path(request.path)
            if not self.encoded_slashes and path.find(b"%2F") >= 0:
                raise Refusal(REASONS["bad_path"], "an escaped slash")

    def ask(self, request: Request, answered: Answered) -> Task[Response] | None:
        """The task that gets the response, to be started; None where `answered` knows already."""
        body = request.body
        try:
            if body is not None and body.error is not None:
                # Too large already: there is no use in troubling a server.
                raise body.error
            return Task(self.service(request), answered)
        except Exception as error:
            answered(None, error)
            return None

    def refusal(self, error: BaseException, request: Request | None) -> Refusal | None:
        """What the client is told of an error; None where it is gone. The faults of plug-ins are logged."""
        if isinstance(error, Refusal):
            return error
        if isinstance(error, Cancelled):
            return None
        self.log.failure("request {id} failed", Failure(error), id=request.id if request else "")
        return Refusal(INTERNAL, type(error).__name__)


_SWITCHED = (
    "agreement", "body_limit", "body_seconds", "encoded_slashes", "fields_most", "finished", "forwarding",
    "head_most", "head_seconds", "keepalive_seconds", "listener", "max_requests", "service", "stats",
    "streams_most", "write_seconds",
)  # fmt: skip


def host_only(authority: bytes) -> bytes:
    """The host in lower case, without port and trailing dot."""
    host = authority.lower()
    if host.startswith(b"["):
        return host[1 : host.find(b"]")]
    host = host.partition(b":")[0]
    return host[:-1] if host.endswith(b".") else host


_host_of = Remembered(host_only, longest=255).__getitem__
