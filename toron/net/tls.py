"""TLS between a transport and a protocol, on OpenSSL's memory BIOs.

To the transport below it is a protocol, to the protocol above it is a transport. Records are
decrypted in batches and handed on at once; what is written is encrypted and handed down at once,
so that back-pressure is the transport's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.client_certificate import ClientCertificate
from toron.net.records import OUT, Records
from toron.net.stream import Stream

_TLS_1_3 = 0x0304


@dataclass(slots=True)
class TlsInfo:
    """What was agreed in a handshake."""

    version: str
    cipher: str
    group: str
    alpn: str
    sni: str
    line: Any = None
    """How the access log writes it, once it has."""
    host: bytes = b""
    """A host that requests over this connection may ask for: the one that was found good last."""
    names: Sequence[str] = ()
    """Those of the certificate that was shown."""
    rule: Any = None
    """What was asked of the client's certificate (a `ClientRule`); None where none was asked for."""
    client: ClientCertificate | None = None
    """The client's certificate, where it has shown one."""


class TlsFailed(Exception):
    """A handshake that did not succeed, or a connection that broke; says why in a few words."""


def explain(error: SSL.Error) -> str:
    """OpenSSL's own words for an error."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(entry[2]) for entry in reasons) or type(error).__name__


@implementer(IHalfCloseableProtocol, IPushProducer)
class TlsLayer:
    """One TLS connection. `ready(error)` is called once, when the handshake is over or has failed.

    Closing says close_notify and does not wait for the other side's. A stream that ends without
    close_notify is reported as ConnectionLost, never as an orderly end (RFC 8446 section 6.1), unless
    the protocol above has a method `read_cut`: that is called then, and may go on to write.
    """

    __slots__ = (
        "_broken", "_check", "_lost", "_name", "_paused", "_reading_over", "_ready", "_records", "_server",
        "_shaking", "_ssl", "_tickets_wait", "_up", "_write_closed",
        "disconnecting", "distrusted", "protocol", "transport",
    )  # fmt: skip

    def __init__(
        self,
        context: SSL.Context,
        *,
        server: bool,
        ready: Callable[[TlsFailed | None], None],
        name: str = "",
        check: Callable[[SSL.Connection], None] | None = None,
        tickets_wait: bool = False,
    ) -> None:
        """`name` is what SNI says: sent by a client, known to a server; `check` may raise afterwards.

        With `tickets_wait` a server's session tickets go out with what it says first, and not as soon
        as they could: that saves a packet where it is asked something, and has to answer.
        """
        self._ssl = SSL.Connection(context, None)
        self._records = Records(self._ssl)
        self._server = server
        if server:
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()
            if name:
                self._ssl.set_tlsext_host_name(name.encode("ascii"))
        self._name = name
        self._ready: Callable[[TlsFailed | None], None] | None = ready
        self._check = check
        self._tickets_wait = tickets_wait
        self._up = False
        self._paused = False
        self._shaking = False
        self._reading_over = False
        self._write_closed = False
        self._lost = False
        self._broken = False
        self.disconnecting = False
        self.distrusted = False
        """Whether it failed because of the other side's certificate."""
        self.transport: Any = None
        self.protocol: Any = None
        """Who is above; may be set while `ready` runs, and gets nothing before."""

    # --- a protocol to the transport below ----------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        if not self._server:
            self._shake()

    def dataReceived(self, data: bytes) -> None:
        if self._reading_over or self._lost:
            return
        if not self._up:
            self._records.receive(data)
            self._shake_and_read()
        elif self._paused:
            self._records.receive(data)
        else:
            self._read(data)

    def readConnectionLost(self) -> None:
        if self._reading_over:
            return
        # The stream was cut: without close_notify nobody can tell whether it was whole.
        self._reading_over = True
        cut = getattr(self.protocol, "read_cut", None)
        if cut is not None and self._up:
            cut()
        else:
            self._broken = True
            self.transport.abortConnection()

    def writeConnectionLost(self) -> None:
        """The transport's write side closed, as we asked."""

    def connectionLost(self, reason: Failure) -> None:
        if self._lost:
            return
        self._lost = True
        if self._ready is not None:
            self._tell_ready(TlsFailed("the connection was closed during the handshake"))
            return
        if self._up and self.protocol is not None:
            cut = not self._reading_over and not self.disconnecting and reason.check(ConnectionDone)
            if cut or self._broken:
                reason = Failure(ConnectionLost())
            protocol, self.protocol = self.protocol, None
            # The two of them do not keep each other alive: what OpenSSL holds is freed at once.
            protocol.connectionLost(reason)

    # --- the handshake ------------------------------------------------------------------------

    def _shake_and_read(self) -> None:
        self._shaking = True
        shaken = self._shake()
        self._shaking = False
        if not shaken:
            return
        if self._paused:
            # By who was told that it is ready: the transport hears of it only if it stays so.
            self.transport.pauseProducing()
        else:
            self._read(b"")

    def _shake(self) -> bool:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return False
        except SSL.Error as error:
            judgement = self._ssl.get_app_data()
            self.distrusted = judgement is not None
            self._fail(TlsFailed(judgement or explain(error)))
            return False
        if self._check is not None:
            try:
                self._check(self._ssl)
            except TlsFailed as error:
                self.distrusted = True
                self._fail(error)
                return False
            except Exception as error:
                self._fail(TlsFailed(str(error) or type(error).__name__))
                return False
        self._up = True
        if not self._tickets_wait or self._ssl.get_protocol_version() != _TLS_1_3:
            self._flush()
        self._tell_ready(None)
        return not self._lost

    def _fail(self, failure: TlsFailed) -> None:
        self._flush()
        self._reading_over = self._write_closed = True
        self.disconnecting = True
        # Before anybody is told, who might cut the connection before the alert is out.
        self.transport.loseConnection()
        self._tell_ready(failure)

    def _tell_ready(self, failure: TlsFailed | None) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            ready(failure)

    def info(self) -> TlsInfo:
        """What was agreed; only after the handshake."""
        connection = self._ssl
        name = self._name or (connection.get_servername() or b"").decode("ascii", "replace")
        return TlsInfo(
            version=connection.get_protocol_version_name(),
            cipher=connection.get_cipher_name() or "",
            group=connection.get_group_name() or "",
            alpn=connection.get_alpn_proto_negotiated().decode("ascii", "replace"),
            sni=name,
        )

    def verified(self) -> list[x509.Certificate]:
        """The other side's certificate, and those above it up to one that is trusted; empty without one."""
        return self._ssl.get_verified_chain(as_cryptography=True) or []

    # --- bytes --------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        """Decrypt all there is, with `data` at the end, and hand it on in one piece."""
        records = self._records
        plain = records.decrypt(data)
        if plain:
            self.protocol.dataReceived(plain)
        if records.end is not None:
            self._ended(records.end)
        elif data and not plain:
            # A key update may want an answer.
            self._flush()

    def _ended(self, why: SSL.Error) -> None:
        """No more can be decrypted."""
        if self._reading_over:
            return
        self._reading_over = True
        if isinstance(why, SSL.ZeroReturnError):
            self._other_side_closed()
            return
        # An alert says why; what was to be written before it will not be whole anyway.
        self._flush()
        self._broken = self._write_closed = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _other_side_closed(self) -> None:
        protocol = self.protocol
        if self.disconnecting:
            return
        if IHalfCloseableProtocol.providedBy(protocol):
            protocol.readConnectionLost()
        else:
            self.loseConnection()

    def _flush(self) -> None:
        """Hand what was encrypted to the transport."""
        while out := self._records.outgoing():
            self.transport.write(out)
            if len(out) < OUT:
                return

    # --- a transport to the protocol above ----------------------------------------------------

    def write(self, data: bytes) -> None:
        if self._lost or self._write_closed or not data:
            return
        out = self._records.encrypt(data)
        self.transport.write(out)
        if len(out) == OUT:
            self._flush()

    def writeSequence(self, data: list[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        if self.disconnecting or self._lost:
            return
        self.disconnecting = True
        self._say_goodbye()
        self.transport.loseConnection()

    def close(self) -> None:
        """As `loseConnection`, at once if everything is sent: may call `connectionLost` of the protocol."""
        if self.disconnecting or self._lost:
            return
        self.disconnecting = True
        self._say_goodbye()
        if isinstance(self.transport, Stream):
            self.transport.close()
        else:
            self.transport.loseConnection()

    def loseWriteConnection(self) -> None:
        """Say close_notify; the transport stays open, for what the other side still sends."""
        if not self._lost:
            self._say_goodbye()
            if self._reading_over:
                self.disconnecting = True
                self.transport.loseConnection()

    def cut_write(self) -> None:
        """End our direction without close_notify: the other side shall see that it is not whole."""
        if self._lost or self._write_closed:
            return
        self._write_closed = True
        if self._reading_over:
            self.disconnecting = True
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    def _say_goodbye(self) -> None:
        if self._write_closed or not self._up:
            return
        self._write_closed = True
        try:
            self._ssl.shutdown()
        except SSL.Error:
            # The connection is broken already; there is nobody to say goodbye to.
            return
        self._flush()

    def abortConnection(self) -> None:
        if not self._lost:
            self._reading_over = self._write_closed = True
            self.transport.abortConnection()

    def pauseProducing(self) -> None:
        self._paused = True
        if not self._shaking:
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        if not self._paused:
            self.transport.resumeProducing()
            return
        self._paused = False
        if self._lost or self.disconnecting:
            return
        if self._up and not self._reading_over:
            self._read(b"")
        if not self._paused and not self._lost:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self.transport.unregisterProducer()

    def getPeer(self) -> Any:
        return self.transport.getPeer()

    def getHost(self) -> Any:
        return self.transport.getHost()

    def getHandle(self) -> Any:
        """The socket, as of any TCP transport."""
        return self.transport.getHandle()

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.transport.setTcpNoDelay(enabled)

    @property
    def connected(self) -> bool:
        """Whether bytes may still be written."""
        return not self._lost and bool(self.transport.connected)
