"""The words a user may write: the validated, frozen shape of a configuration."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    SecretStr,
    Tag,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from toron.config.place import HIDDEN
from toron.config.short import ONE, TEXT, Also
from toron.config.units import Cidr, Duration, Share, Size, parse_duration, write_duration


def _as_port(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535:
        return value
    raise ValueError("not a port: write a number from 0 to 65535")


Port = Annotated[
    int, BeforeValidator(_as_port), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 65535})
]
"""A port number; 0 asks the system for a free one."""

LAYER7 = frozenset({"http", "https"})
"""The listener protocols whose traffic walks through `routes`."""

TERMINATES_TLS = frozenset({"https", "tls"})
"""The listener protocols that need certificates."""


class Model(BaseModel):
    """What every part of the configuration is: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list | tuple | dict) else [value]


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_as_list), Also(ONE)]
"""A word or a list of words."""

Cidrs = Annotated[tuple[Cidr, ...], BeforeValidator(_as_list), Also(ONE)]
"""A network or a list of networks."""

Secret = Annotated[
    SecretStr,
    PlainSerializer(lambda secret: HIDDEN, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"file": {"type": "string"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A value that no dump shows: a string, `${VAR}`, or `{file: path}` (read while loading)."""


class Use(Model):
    """A plug-in by its word, with its options as they were written."""

    word: str
    options: Any = Field(None, repr=False)


def _as_use(value: Any) -> Any:
    if isinstance(value, str):
        return {"word": value}
    if isinstance(value, dict) and len(value) == 1:
        [(word, options)] = value.items()
        return {"word": str(word), "options": options}
    if isinstance(value, Use):
        return value
    raise ValueError("not understood: write a name, or one name with its options such as {name: {...}}")


def _write_use(use: Use) -> Any:
    return use.word if use.options is None else {use.word: HIDDEN}


Chosen = Annotated[
    Use,
    BeforeValidator(_as_use),
    PlainSerializer(_write_use),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "object", "minProperties": 1, "maxProperties": 1}]}
    ),
]
"""A plug-in named where it is used: `jwt`, or `{headers: {set: {...}}}`."""


# --- backends ---------------------------------------------------------------------------------


def _as_server(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


def _token(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", value):
        raise ValueError("not a cookie's name: write letters, digits, - and _")
    return value


def _statuses(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and not re.fullmatch(
        r"[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*", value
    ):
        raise ValueError("not statuses: write one, a range or several, such as 200, 200-399 or 200,204")
    return value


class ServerSpec(Model):
    """One address that can answer: `http://`, `https://`, `tcp://`, `tls://` or `udp://`."""

    url: str
    weight: int = Field(1, ge=0, le=1000)
    backup: bool = False


class Sticky(Model):
    """Keep a client on the server it first got, by a sealed cookie."""

    cookie: Annotated[str, AfterValidator(_token)] = "toron_sticky"
    ttl: Duration = 300.0
    secret: Annotated[tuple[Secret, ...], BeforeValidator(_as_list), Also(ONE)] = ()
    """Newest first; the first seals, all of them open. None: a random one a start."""


class Health(Model):
    """An active check: over HTTP when there is a path, else TCP (with what to send and expect)."""

    path: str | None = None
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    host: str | None = None
    status: Annotated[str, BeforeValidator(_statuses), Also({"type": "integer"})] = "200-399"
    body: str | None = None
    """A regular expression the answer's first 64 KiB must match."""
    send: str | None = None
    expect: str | None = None
    """A regular expression the first bytes of a TCP answer must match."""
    port: Port | None = None
    interval: Duration = 10.0
    timeout: Duration = 5.0
    """5s, or half of the interval where that is 5s or less."""
    rise: int = Field(2, ge=1)
    fall: int = Field(3, ge=1)
    initial: Literal["up", "down"] = "up"

    @model_validator(mode="before")
    @classmethod
    def _shorter_timeout(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "timeout" in value or "interval" not in value:
            return value
        try:
            interval = parse_duration(value["interval"])
        except ValueError:
            return value  # the interval's own validator says so
        return value | {"timeout": write_duration(interval / 2)} if 0 < interval <= 5 else value


class PassiveHealth(Model):
    """Take a server out after so many failures in a row, for longer each time."""

    failures: int = Field(5, ge=1)
    base: Duration = 30.0
    max: Duration = 300.0
    max_ejected: Share = 0.5


class BackendTimeouts(Model):
    """How long to wait for a server: to connect, to begin an answer, and between bytes."""

    connect: Duration = 5.0
    response: Duration = 60.0
    idle: Duration = 60.0
    tunnel: Duration = 3600.0
    total: Duration = 0.0
    """For a whole exchange; 0 is none."""


class Retries(Model):
    """Try another server, only when nothing was answered yet and it is safe to."""

    attempts: int = Field(2, ge=1, le=10)
    """Tries in all, the first included."""
    budget: Share = 0.2
    """Retries may be at most this share of the requests of the last ten seconds."""
    on: tuple[int, ...] = ()
    """Statuses worth another try, such as 502 or 503."""
    methods: tuple[str, ...] = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE")
    """Methods that may be sent twice; any request may be retried when nothing of it was sent."""
    body: Size = 64 << 10
    """A body larger than this is not kept, so its request is not retried."""


class BackendTls(Model):
    """How to speak TLS to a server: verified, unless told otherwise."""

    ca: str | None = None
    server_name: str | None = None
    verify: bool = True
    cert: str | None = None
    key: str | None = None


class Pool(Model):
    """Idle HTTP connections kept open to each server."""

    size: int = Field(256, ge=0)
    idle: Duration = 55.0


class Backend(Model):
    """A named group of servers that can answer the same requests."""

    url: str | None = None
    servers: tuple[Annotated[ServerSpec, BeforeValidator(_as_server), Also(TEXT)], ...] = ()
    balance: Chosen = Use(word="round-robin")
    sticky: Sticky | None = None
    health: Health | None = None
    passive_health: PassiveHealth | None = None
    timeouts: BackendTimeouts = BackendTimeouts()
    retries: Retries = Retries()
    tls: BackendTls = BackendTls()
    proxy_protocol: Literal["v1", "v2"] | None = None
    pool: Pool = Pool()
    host: str = "keep"
    """The Host sent to the server: `keep` the client's, `server` for its own, or a name."""
    forwarded: bool = False
    """Also write the `Forwarded` header (RFC 7239)."""

    @property
    def all_servers(self) -> tuple[ServerSpec, ...]:
        """The servers, whichever way they were written."""
        return (ServerSpec(url=self.url), *self.servers) if self.url else self.servers


BackendRef = Annotated[
    Annotated[str, Tag("name")] | Annotated[Backend, Tag("inline")],
    Discriminator(lambda value: "inline" if isinstance(value, dict | Backend) else "name"),
]
"""A backend by name, or written in place."""


# --- routes -----------------------------------------------------------------------------------

Wanted = str | bool
"""A header, query or cookie value: exact, `^` a regular expression, true present, false absent."""

ValueMap = Annotated[
    dict[str, Wanted],
    BeforeValidator(
        lambda value: (
            {
                k: str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v
                for k, v in value.items()
            }
            if isinstance(value, dict)
            else value
        )
    ),
]


def _as_matches(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Conditions(Model):
    """What a request must show; all of them, and any one of a list."""

    host: OneOrMore = ()
    path: OneOrMore = ()
    methods: OneOrMore = ()
    headers: ValueMap = {}
    query: ValueMap = {}
    cookies: ValueMap = {}
    scheme: Literal["http", "https"] | None = None
    client_ip: Cidrs = ()


class Match(Conditions):
    """The conditions of a route, and under `not` those that must not hold."""

    not_: Conditions | None = Field(None, alias="not")


class Redirect(Model):
    """Answer with another address; `$1` is what the route's regular expression captured."""

    to: str | None = None
    scheme: Literal["http", "https"] | None = None
    host: str | None = None
    port: Port | None = None
    status: Literal[301, 302, 303, 307, 308] = 308


class Respond(Model):
    """Answer from the configuration itself."""

    status: int = Field(200, ge=200, le=599)
    headers: dict[str, str] = {}
    body: str = ""


class Echo(Model):
    """Answer with what was received; over WebSocket, TCP and UDP, send it back."""


class Route(Model):
    """A match and where it leads."""

    name: str | None = None
    match: Annotated[tuple[Match, ...], Field(min_length=1), BeforeValidator(_as_matches), Also(ONE)] = (
        Match(),
    )
    priority: int = 100
    """Lower is asked first; among equals the most specific, then the order of the file."""
    listeners: OneOrMore = ()
    middlewares: tuple[Chosen, ...] = ()
    backend: BackendRef | None = None
    redirect: Annotated[
        Redirect | None, BeforeValidator(lambda v: {"to": v} if isinstance(v, str) else v), Also(TEXT)
    ] = None
    respond: Respond | None = None
    echo: Echo | None = None


class ConnectionMatch(Model):
    """What a connection must show at layer 4; all of them, and any one of a list."""

    sni: OneOrMore = ()
    """Names in the ClientHello; `*.x` one label more, `""` no name at all."""
    alpn: OneOrMore = ()
    client_ip: Cidrs = ()


class ConnectionRoute(Model):
    """A layer-4 match and the backend it leads to; asked in the order of the file."""

    name: str | None = None
    match: ConnectionMatch = ConnectionMatch()
    backend: BackendRef


# --- listeners --------------------------------------------------------------------------------


class ReceiveProxyProtocol(Model):
    """Expect a PROXY header (v1 or v2) on each connection from these networks, and only these."""

    trusted: Annotated[Cidrs, Field(min_length=1)]
    timeout: Duration = 1.0


class Certificate(Model):
    """A certificate and its key, or names to make a self-signed one for (development only)."""

    cert: str | None = None
    key: str | None = None
    self_signed: OneOrMore = ()


class ListenerTls(Model):
    """How TLS is terminated here."""

    policy: Literal["modern", "intermediate", "legacy"] = "intermediate"
    """modern: TLS 1.3. intermediate: 1.2 and 1.3. legacy: 1.2 and 1.3 with CBC suites."""
    default_cert: Literal["strict", "first"] = "strict"
    """For a name no certificate has: an unrecognized_name alert, or the first certificate."""


class ListenerTimeouts(Model):
    """How long to wait for a client."""

    handshake: Duration = 10.0
    head: Duration = 10.0
    """For a whole request head, from its first byte."""
    body: Duration = 60.0
    """Between two pieces of a request body."""
    keepalive: Duration = 75.0
    """For the next request on an open connection."""
    write: Duration = 60.0
    """For a client that takes nothing of what it is sent."""


class Limits(Model):
    """What a request may be at most."""

    head: Size = 32 << 10
    fields: int = Field(100, ge=1)
    body: Size = 256 << 20
    requests: int = Field(0, ge=0)
    """Requests on one connection; 0 is any number."""


class Listener(Model):
    """An address to accept on, and the protocol spoken there."""

    name: str = ""
    protocol: Literal["http", "https", "tcp", "tls", "sni", "udp"]
    address: str | None = None
    """An IPv4 or IPv6 address; none is every address of both kinds."""
    port: Port
    backlog: int = Field(1024, ge=1)
    guards: tuple[Chosen, ...] = ()
    proxy_protocol: ReceiveProxyProtocol | None = None
    trusted_proxies: Cidrs = ()
    """Peers whose X-Forwarded-* and Forwarded are believed."""
    certificates: tuple[Certificate, ...] = ()
    tls: ListenerTls = ListenerTls()
    timeouts: ListenerTimeouts = ListenerTimeouts()
    limits: Limits = Limits()
    backend: BackendRef | None = None
    routes: tuple[ConnectionRoute, ...] = ()
    idle: Duration = 0.0
    """TCP: cut a relay on which nothing moved (default 1h). UDP: forget a session (default 30s)."""
    sessions: int = Field(10000, ge=1)
    """UDP: sessions at most."""
    responses: int = Field(0, ge=0)
    """UDP: replies after which a session is over; 0 is any number."""
    echo: Echo | None = None

    @property
    def label(self) -> str:
        """The name, or protocol-port."""
        return self.name or f"{self.protocol}-{self.port}"


# --- the rest ---------------------------------------------------------------------------------


class Named(BaseModel):
    """A middleware named once: its word (`type`, else its own name) and that word's options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What was written besides the type."""
        return dict(self.model_extra or {})

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Only the type: the options may hold secrets."""
        return [("type", self.type)]

    @model_serializer
    def _write(self) -> dict[str, Any]:
        """The type, and the options' keys: `toron.config.show` writes them out without secrets."""
        return {"type": self.type} | dict.fromkeys(self.options, HIDDEN)


class AccessLog(Model):
    """One JSON line for each request, connection and session."""

    path: str
    """A file, or `-` for standard output."""
    redact: tuple[str, ...] = (
        "access_token", "api_key", "apikey", "auth", "code", "key", "password", "secret",
        "sig", "signature", "token",
    )  # fmt: skip
    """Query parameters whose values are written as `<redacted>`."""


class Log(Model):
    """What the gateway says about itself."""

    level: Literal["debug", "info", "warn", "error"] = "info"


class Admin(Model):
    """Where /metrics, /healthz and /readyz are served."""

    address: str = "127.0.0.1"
    port: Port = 9901


class Drain(Model):
    """How a stop goes: not ready, a pause, no new connections, and at the limit the end."""

    delay: Duration = 0.0
    limit: Duration = 30.0


class Config(Model):
    """A whole configuration."""

    listeners: tuple[Listener, ...] = Field(min_length=1)
    routes: tuple[Route, ...] = ()
    backends: dict[str, Backend] = {}
    middlewares: dict[str, Annotated[Named, BeforeValidator(lambda v: {} if v is None else v)]] = {}
    access_log: Annotated[
        AccessLog | None, BeforeValidator(lambda v: {"path": v} if isinstance(v, str) else v), Also(TEXT)
    ] = None
    log: Log = Log()
    admin: Admin | None = None
    drain: Drain = Drain()
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = 1
