"""Every refusal toron can give, with its HTTP status and the word that reaches the log."""

from __future__ import annotations

from dataclasses import dataclass

from toron.wire.headers import Field


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused or cut short: a stable word, a status (0: layer 4 only), a text."""

    word: str
    status: int
    text: str


REASONS: dict[str, Reason] = {}


def _reason(word: str, status: int, text: str) -> Reason:
    made = REASONS[word] = Reason(word, status, text)
    return made


# --- what a client sent that no server should see (wire names these by their word) ------------
_reason("bad_request_line", 400, "The request line is not well formed.")
_reason("bad_version", 505, "This HTTP version is not spoken here.")
_reason("bad_target", 400, "The request target is not well formed.")
_reason("connect_refused", 405, "CONNECT is not spoken here.")
_reason("bad_header", 400, "A header field is not well formed.")
_reason("bad_line_ending", 400, "Lines must end with CR LF.")
_reason("obsolete_folding", 400, "Folded header lines are not accepted.")
_reason("bad_host", 400, "The Host header is missing, repeated or not well formed.")
_reason("host_mismatch", 400, "The Host header and the request target name different hosts.")
_reason("bad_content_length", 400, "The Content-Length is not one plain number.")
_reason("bad_transfer_encoding", 400, "The Transfer-Encoding is not understood here.")
_reason("length_conflict", 400, "Content-Length and Transfer-Encoding exclude each other.")
_reason("bad_connection_option", 400, "The Connection header names a field it must not.")
_reason("bad_chunk", 400, "A chunk of the body is not well formed.")
_reason("bad_trailer", 400, "A trailer field is not well formed or not allowed.")
_reason("bad_upgrade", 400, "The upgrade is not well formed, or comes with a body.")
_reason("bad_expectation", 417, "The expectation cannot be met.")
_reason("bad_path", 400, "The path has an encoding that is not accepted.")
_reason("target_too_long", 414, "The request target is too long.")
_reason("head_too_large", 431, "The request head is too large.")
_reason("too_many_fields", 431, "The request head has too many fields.")
_reason("bad_status_line", 502, "The server's status line is not well formed.")
_reason("interim_flood", 502, "The server sent too many interim responses.")
_reason("switch_not_asked", 502, "The server switched to a protocol nobody asked for.")
_reason("unasked_response", 502, "The server answered before it was asked.")
_reason("truncated", 400, "The message ended before it was whole.")
_reason("upper_case_name", 400, "A field's name has capital letters, where they may not be.")
_reason("pseudo_field", 400, "A field that is part of the request line is missing, unknown or misplaced.")
_reason("connection_field", 400, "A field concerns one connection, where none may.")
_reason("body_length", 400, "The body is not as long as its Content-Length.")
BAD_GRPC_TIMEOUT = _reason("bad_grpc_timeout", 400, "The grpc-timeout is not well formed.")
BAD_GRPC_WEB = _reason("bad_grpc_web", 400, "The body is not the base64 that it should be.")

# --- frames of a connection that carries many exchanges ---------------------------------------
_reason("preface", 400, "The connection does not begin as it should.")
_reason("frame_size", 400, "A frame has a size that it may not have.")
_reason("frame_malformed", 400, "A frame is not well formed.")
_reason("stream_state", 400, "A frame came where it may not.")
_reason("flow_control", 400, "More came than was allowed, or was allowed than can be.")
_reason("compression", 400, "A field section can not be decoded.")
_reason("rapid_reset", 400, "Too many requests were given up before they were answered.")
_reason("ping_flood", 400, "Too many PING frames came.")
_reason("settings_flood", 400, "Too many SETTINGS frames came.")
_reason("empty_frames", 400, "Too many frames came that carry nothing.")
_reason("continuation_flood", 400, "A head came in too many frames.")
_reason("frame_flood", 400, "Too many frames came that change nothing.")

# --- what a client did or did not do ----------------------------------------------------------
HEAD_TIMEOUT = _reason("head_timeout", 408, "The request head did not arrive in time.")
BODY_TIMEOUT = _reason("body_timeout", 408, "The request body did not arrive in time.")
BODY_TOO_LARGE = _reason("body_too_large", 413, "The request body is larger than allowed.")
CLIENT_GONE = _reason("client_gone", 499, "The client went away before the answer was whole.")
CLIENT_STALLED = _reason("client_stalled", 499, "The client took nothing of what it was sent.")
KEEPALIVE_TIMEOUT = _reason("keepalive_timeout", 0, "No further request came.")

# --- layer 4 ----------------------------------------------------------------------------------
NOT_ALLOWED = _reason("address_not_allowed", 0, "The client's address is not allowed here.")
DENIED = _reason("address_denied", 0, "The client's address is denied here.")
TOO_MANY_CONNECTIONS = _reason("too_many_connections", 0, "The listener is full.")
TOO_MANY_PER_CLIENT = _reason("too_many_per_client", 0, "The client has too many connections.")
TOO_MANY_SESSIONS = _reason("too_many_sessions", 0, "The listener has too many UDP sessions.")
PROXY_UNTRUSTED = _reason("proxy_header_untrusted", 0, "A peer that is not trusted must not connect here.")
PROXY_BAD = _reason("proxy_header_bad", 0, "The PROXY header is missing or not well formed.")
PROXY_TIMEOUT = _reason("proxy_header_timeout", 0, "The PROXY header did not arrive in time.")
HELLO_BAD = _reason("client_hello_bad", 0, "The connection did not begin with a TLS ClientHello.")
HELLO_TIMEOUT = _reason("handshake_timeout", 0, "The TLS handshake did not end in time.")
HELLO_DISPLACED = _reason(
    "client_hello_displaced", 0, "Too many QUIC clients were in the middle of their ClientHello."
)
HANDSHAKE_FAILED = _reason("handshake_failed", 0, "The TLS handshake failed.")
CHALLENGE_SHOWN = _reason("acme_challenge", 0, "A certificate authority saw who we are: nothing follows.")
UNKNOWN_NAME = _reason("unrecognized_name", 0, "No certificate is for the name the client asked.")
CLIENT_CERT_MISSING = _reason(
    "client_certificate_missing", 0, "The client showed no certificate, and has to show one."
)
CLIENT_CERT_UNKNOWN = _reason(
    "client_certificate_unknown_ca", 0, "The client's certificate is of an authority that is not trusted."
)
CLIENT_CERT_EXPIRED = _reason(
    "client_certificate_expired", 0, "The client's certificate has expired, or is not valid yet."
)
CLIENT_CERT_REVOKED = _reason("client_certificate_revoked", 0, "The client's certificate was revoked.")
CLIENT_CERT_PURPOSE = _reason("client_certificate_purpose", 0, "The client's certificate is not for clients.")
CLIENT_CERT_BAD = _reason("client_certificate_bad", 0, "The client's certificate can not be verified.")
QUIC_BAD = _reason("quic_bad_packet", 0, "The datagram is no QUIC packet that can be read here.")
QUIC_VERSION = _reason("quic_unknown_version", 0, "The version of QUIC is not known here.")
QUIC_STRANGER = _reason(
    "quic_unknown_connection", 0, "The QUIC packet is of no connection that is known here."
)
NO_CONNECTION_ROUTE = _reason("no_route", 404, "No route leads anywhere from here.")
IDLE_TIMEOUT = _reason("idle_timeout", 0, "Nothing moved for too long.")
PEER_RESET = _reason("reset", 0, "The connection was reset.")
DRAINED = _reason("drained", 503, "The gateway is stopping.")

# --- routing and middlewares ------------------------------------------------------------------
NO_ROUTE = NO_CONNECTION_ROUTE
UNKNOWN_HOST = _reason("unknown_host", 421, "This host is not served here.")
MISDIRECTED = _reason("misdirected", 421, "The connection was made for another host.")
CLIENT_CERT_REQUIRED = _reason("client_certificate_required", 403, "A client certificate is required.")
CLIENT_CERT_NOT_ALLOWED = _reason(
    "client_certificate_not_allowed", 403, "The client certificate does not allow this."
)
RATE_LIMITED = _reason("rate_limited", 429, "Too many requests.")
NO_TOKEN = _reason("token_missing", 401, "A bearer token is required.")
BAD_TOKEN = _reason("token_invalid", 401, "The bearer token is not valid.")
TOKEN_EXPIRED = _reason("token_expired", 401, "The bearer token is expired or not valid yet.")
TOKEN_CLAIMS = _reason("token_claims", 403, "The bearer token does not allow this.")

EXTRA_MISSING = _reason("extra_missing", 501, "This needs an extra that is not installed here.")

# --- servers ----------------------------------------------------------------------------------
NO_SERVER = _reason("no_server_available", 503, "No server is available.")
CONNECT_REFUSED = _reason("upstream_connect_refused", 502, "The server refused the connection.")
CONNECT_FAILED = _reason("upstream_connect_failed", 502, "The server could not be reached.")
CONNECT_TIMEOUT = _reason("upstream_connect_timeout", 504, "The server did not accept in time.")
UPSTREAM_NAME = _reason("upstream_name_unresolved", 502, "The server's name could not be resolved.")
UPSTREAM_TLS = _reason("upstream_tls_failed", 502, "The TLS handshake with the server failed.")
UPSTREAM_CERT = _reason("upstream_certificate_invalid", 502, "The server's certificate is not valid.")
UPSTREAM_RESET = _reason("upstream_reset", 502, "The server broke the connection.")
UPSTREAM_CLOSED = _reason("upstream_closed", 502, "The server closed before the answer was whole.")
UPSTREAM_BAD = _reason("upstream_bad_response", 502, "The server's answer is not well formed.")
UPSTREAM_UPGRADE = _reason("upstream_bad_upgrade", 502, "The server switched to a protocol not asked.")
RESPONSE_TIMEOUT = _reason("upstream_response_timeout", 504, "The server did not answer in time.")
UPSTREAM_IDLE = _reason("upstream_idle_timeout", 504, "The server stopped in the middle of its answer.")
TOTAL_TIMEOUT = _reason("upstream_total_timeout", 504, "The exchange took longer than allowed.")
DEADLINE = _reason("deadline_exceeded", 504, "The time that the client gave its request is over.")
INTERNAL = _reason("internal_error", 500, "Something went wrong inside the gateway.")


class Refusal(Exception):
    """Raised to answer with a named reason instead of going on."""

    def __init__(self, reason: Reason, detail: str = "", headers: tuple[Field, ...] = ()) -> None:
        super().__init__(f"{reason.word}: {detail or reason.text}")
        self.reason = reason
        self.detail = detail
        self.headers = headers


class UpstreamFailed(Refusal):
    """A server could not be reached, or did not answer as it should.

    `untouched` says that the server can not have seen anything of the request; `ours` that it
    was not the server's fault.
    """

    def __init__(
        self, reason: Reason, detail: str = "", *, untouched: bool = False, ours: bool = False
    ) -> None:
        super().__init__(reason, detail)
        self.untouched = untouched
        self.unprocessed = False
        """The server itself says that it has done nothing with the request, and may be asked once more."""
        self.ours = ours
        self.backend = self.server = ""
        """Whose failure it was, where the log would not know by itself."""
