"""A connection of qh3, with what a gateway needs of it beyond that: names, windows, its own pace."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from qh3._hazmat import pull_quic_header
from qh3.quic.configuration import QuicConfiguration
from qh3.quic.connection import QuicConnection
from qh3.quic.events import ConnectionTerminated
from qh3.quic.packet import QuicProtocolVersion
from qh3.quic.tls_bridge import QuicTlsBridgeError
from qh3.tls import Epoch

from toron.core.refusal import HANDSHAKE_FAILED, Refusal
from toron.net.quic_identities import Identities
from toron.net.quic_packet import ID_LENGTH, reset_token
from toron.net.quic_sealed import Sealed
from toron.net.quic_tls import NamedTls
from toron.net.quic_windows import Windows
from toron.net.tls import TlsInfo
from toron.wire.quic import LongHeader

FLOW_CONTROL_ERROR = 0x03

STREAM_WINDOW = 256 << 10
"""Bytes that a client may send ahead on each stream."""
CONNECTION_WINDOW = 4 << 20
"""Bytes that may be on their way on all of them: what has come counts as taken."""
_UNBOUNDED = 1 << 60
DATAGRAM_MOST = 1280
"""Bytes of a datagram of ours: what every path that is in use takes."""
_ROOM = 40
"""Bytes of it that are left to us."""
_FLUSHES = 3
"""How often in a row windows are told of, before an answer is waited for."""
_AGAIN_SECONDS = 0.25
"""How long it is waited for."""

_TOLD = frozenset({"stream_reset", "stop_sending", "connection_id_issued", "connection_id_retired"})
_NO_ROOM = "packet builder capacity exhausted"


def _packets(data: bytes) -> list[int]:
    """Where the packets of a datagram end; what follows the last one belongs to it."""
    ends: list[int] = []
    at = 0
    while at < len(data):
        try:
            end = pull_quic_header(data, at, ID_LENGTH)[9]
        except ValueError:
            break
        if end <= at:
            break
        ends.append(end)
        at = end
    return [*ends[:-1], len(data)]


def configuration(identities: Identities, protocol: str, idle: float) -> QuicConfiguration:
    """What all connections of a listener have in common; `idle` is in seconds."""
    first = identities.first
    # The core opens a window as soon as it has handed data on, and asks nobody; of windows without an end it
    # opens none. Clients are told of smaller ones, and `Windows` opens those.
    return QuicConfiguration(
        is_client=False, alpn_protocols=[protocol], connection_id_length=ID_LENGTH, idle_timeout=idle,
        max_stream_data=_UNBOUNDED, max_data=CONNECTION_WINDOW, max_datagram_size=DATAGRAM_MOST - _ROOM,
        certificate=first.certificate, certificate_chain=first.chain, private_key=first.key,
    )  # fmt: skip


class ServerCore(QuicConnection):
    """One connection, without I/O and clock.

    It goes beyond the public interface of qh3 where that does not do what a server needs: datagrams are given
    to the native core, and taken from it, right here.
    """

    def __init__(
        self,
        configuration: QuicConfiguration,
        identities: Identities,
        reset_key: bytes,
        original: bytes,
        retry_source: bytes | None,
    ) -> None:
        """`original` is the connection id the client came to first, `retry_source` the one it was sent to."""
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=original,
            retry_source_connection_id=retry_source,
        )
        self.refusing = False
        """Whether what the client says first is answered with a refusal; set before it is heard."""
        self.blocked = False
        """Whether more is to be sent than may be, to an address that is not proved (RFC 9000 section 8)."""
        self.windows = Windows(STREAM_WINDOW)
        self.happened: deque[tuple[Any, ...]] = deque()
        """What the core and TLS told: a word, and what comes with it (see `_drain_core`)."""
        self.unfinished: set[int] = set()
        """Streams of requests of which not all has come, or not all that was said has arrived."""
        self.later: float | None = None
        """When windows have to be told of once more."""
        self._identities = identities
        self._reset_key = reset_key
        self._client_id_length = 0
        self._flushes = 0
        self._probe = 0

    def receive_first(self, data: bytes, first: LongHeader, address: Any, now: float) -> None:
        """A datagram before the handshake is done; `first` is the header of the very first one.

        Each packet in it may need the keys that come with the one before. What follows the last packet is
        counted with it, as it counts for what may be sent back.
        """
        if self._core is None:
            self._remote_addr = address
            self._version = QuicProtocolVersion.VERSION_1
            self._create_core(address, first.dcid, now)
            self._create_tls(None)
            self._client_id_length = len(first.scid)
        core = self._require_core()
        at = 0
        for end in _packets(data):
            packet = data[at:end]
            at = end
            if core.receive_datagram(packet, address, now, len(data))[2]:
                self._learn_remote_source_cid(packet)
            self._drain_core()

    def receive(self, datagrams: list[bytes], address: Any, now: float) -> None:
        """Datagrams from one address, after the handshake."""
        self._require_core().receive_many_datagrams(datagrams, address, now)
        self._drain_core()

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        made: list[tuple[bytes, Any]] = []
        self.blocked = False
        core = self._core
        if core is None:
            return made
        poll = core.poll_transmit
        try:
            while (transmit := poll(now)) is not None:
                made.append((transmit[0], transmit[1]))
        except RuntimeError as error:
            # It raises when the next frame is larger than what may be sent, and is none the worse for it.
            if str(error) != _NO_ROOM:
                raise
            self.blocked = True
        sealed = self._tls.sealed if isinstance(self._tls, NamedTls) else None
        if sealed is not None and made:
            if self.windows.pending and self._flushes < _FLUSHES:
                self._flushes += 1
                self.later = now + _AGAIN_SECONDS
                made = [(self._with_windows(sealed, data), address) for data, address in made]
            else:
                sealed.passed(len(made))
        return made

    def _with_windows(self, sealed: Sealed, data: bytes) -> bytes:
        """A datagram of the core, and the windows that have opened."""
        return sealed.add(data, self._client_id_length, self.windows.frames(DATAGRAM_MOST - len(data)))

    # --- windows ------------------------------------------------------------------------------

    def take(self, stream: int, size: int) -> bool:
        """So many bytes of a stream were taken; whether there is something to send now."""
        return self.windows.take(stream, size) and self.tell_windows()

    def tell_windows(self) -> bool:
        """Have the next datagrams tell of the windows, and the client answer."""
        self._flushes = 0
        self._probe += 1
        if self._core is not None and self._close_event is None:
            self._core.send_ping(self._probe)
        return True

    def _came(self, stream: int, data: bytes, fin: bool) -> None:
        windows = self.windows
        if not windows.came(stream, len(data)):
            self.close(FLOW_CONTROL_ERROR, 0, "more than was allowed")
            return
        if fin:
            windows.ended(stream)
        if not stream & 3:
            self.unfinished.add(stream)
        self.happened.append(("stream_data", stream, data, fin))

    # --- what qh3 tells -----------------------------------------------------------------------

    def _drain_core(self) -> None:
        """Take what the core has to tell; TLS gets its part at once: the next packet may need the keys."""
        core = self._require_core()
        happened = self.happened
        while (event := core.next_event()) is not None:
            word = event[0]
            if word == "stream_data":
                self._came(event[1], event[2], event[3])
            elif word in _TOLD:
                happened.append(event)
                if word == "stream_reset":
                    self.windows.ended(event[1])
            elif word == "stream_finished":
                self.unfinished.discard(event[1])
                if not self.unfinished:
                    happened.append(("finished",))
            elif word == "crypto_data":
                self._feed_tls(event)
            elif word == "ping_acknowledged":
                if event[1] == self._probe:
                    self.windows.known()
                    self.later = None
            elif word == "peer_blocked":
                if event[1] is not None and self.windows.blocked(event[1], event[2]):
                    self.tell_windows()
            elif word == "peer_closed":
                self._ended(event[2], event[3], event[4].decode("utf-8", "replace"))
            elif word == "protocol_error":
                self._ended(event[1], event[2], event[3])
            elif word == "connection_terminated":
                self._ended(event[1], event[2], event[3].decode("utf-8", "replace"))
                happened.append(event)

    def _ended(self, code: int, frame: int | None, reason: str) -> None:
        if self._close_event is None:
            self._close_event = ConnectionTerminated(code, frame, reason)

    def _feed_tls(self, event: tuple[Any, ...]) -> None:
        assert self._tls is not None
        before = self._tls.handshake_complete
        try:
            self._tls.receive_crypto(
                Epoch(event[1]), event[3], event[2], version=self._require_core().version
            )
            self._drain_tls()
        except QuicTlsBridgeError as error:
            self.close(error.error_code, int(error.frame_type), error.reason_phrase)
        if self._tls.handshake_complete and not before:
            self.happened.append(("shaken",))

    def _create_tls(self, remote_source_cid: bytes | None) -> NamedTls:
        made = self._tls = NamedTls(
            replace(self._configuration, max_stream_data=STREAM_WINDOW),
            version=self._version or 0,
            local_initial_source_connection_id=self.host_cid,
            remote_initial_source_connection_id=remote_source_cid,
            original_destination_connection_id=self._original_destination_connection_id,
            retry_source_connection_id=self._retry_source_connection_id,
            stateless_reset_token=reset_token(self._reset_key, self.host_cid),
            version_change_handler=self._set_version,
        )
        made.refusing = self.refusing
        made.identities = self._identities
        made.protocol = (self._configuration.alpn_protocols or [""])[0].encode()
        return made

    @property
    def over(self) -> Any:
        """The close that was said or heard, as soon as it was; None before."""
        return self._close_event

    @property
    def refusal(self) -> Refusal:
        """Why the handshake was ended here, or by the client."""
        made = self._tls
        if isinstance(made, NamedTls) and made.refusal is not None:
            return made.refusal
        end = self._close_event
        return Refusal(
            HANDSHAKE_FAILED, "" if end is None else end.reason_phrase or f"error {end.error_code:#x}"
        )

    def info(self) -> TlsInfo:
        """What was agreed; only after the handshake."""
        made = self._tls
        assert isinstance(made, NamedTls)
        return made.info()
