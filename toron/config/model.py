"""The words a user may write: the validated, frozen shape of a configuration."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    SecretStr,
    Tag,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from toron.config.place import HIDDEN
from toron.config.short import ONE, TEXT, Also
from toron.config.units import Cidr, Duration, Rate, RateValue, Share, Size, parse_duration, write_duration
from toron.config.wording import Word


def _as_port(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535:
        return value
    raise ValueError("not a port: write a number from 0 to 65535")


Port = Annotated[
    int,
    BeforeValidator(_as_port),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 65535}),
    Word("port"),
]
"""A port number; 0 asks the system for a free one."""

LAYER7 = frozenset({"http", "https", "http3"})
"""The listener protocols whose traffic walks through `routes`."""

DATAGRAMS = frozenset({"http3", "udp", "sni-udp"})
"""The kinds of listeners that have a UDP port."""

TERMINATES_TLS = frozenset({"https", "http3", "tls"})
"""The listener protocols that need certificates."""


class Model(BaseModel):
    """What every part of the configuration is: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Shortened(Model):
    """A model whose main key's value alone may stand for it: `{add-prefix: /a}`, `{body-limit: 10m}`."""

    main: ClassVar[str]
    """The main key."""

    @model_validator(mode="before")
    @classmethod
    def _lengthened(cls, value: Any) -> Any:
        return value if isinstance(value, dict | cls) else {cls.main: value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The short form or the mapping (called by pydantic)."""
        mapping = handler.resolve_ref_schema(handler(core))
        main = mapping["properties"][cls.main]
        short = {key: main[key] for key in main if key not in ("title", "description", "default")}
        return {"anyOf": [short, mapping]}


def _as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list | tuple | dict) else [value]


File = Annotated[str, Word("file")]
"""The path of a file; a relative one starts at the folder of the configuration."""

Folder = Annotated[str, Word("folder")]
"""The path of a folder; a relative one starts at the folder of the configuration."""

Expression = Annotated[str, Word("regular expression")]
"""In RE2's syntax."""

_Item = TypeVar("_Item")

Many = Annotated[tuple[_Item, ...], BeforeValidator(_as_list), Also(ONE)]
"""`Many[X]`: an X or a list of X."""

OneOrMore = Many[str]
"""A word or a list of words."""

Cidrs = Many[Cidr]
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

Secrets = Many[Secret]
"""A secret or a list of secrets."""

Scalars = Many[Annotated[bool | int | float | str, Word("value")]]
"""A number, truth value or text, or a list of these."""


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


AsText = Annotated[str, BeforeValidator(_as_text), Also({"type": ["number", "boolean"]}), Word("text")]
"""A text; numbers and truth values are taken as they are written."""


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


Url = Annotated[str, AfterValidator(lambda url: re.sub(r"(?<!/)/\Z", "", url)), Word("URL")]
"""The URL of a server, which has no path: a slash at its end is taken off."""


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
    """One address that can answer; its URL alone may stand for it."""

    url: Url
    """`http://`, `https://`, `tcp://`, `tls://` or `udp://`, a host, a port (http 80, https and tls 443)."""
    weight: int = Field(1, ge=0, le=1000)
    """Its share beside the weights of the others; with 0 it is asked only when no other can be."""
    backup: bool = False
    """Asked only while no other server can be."""


class ServerFile(Model):
    """A file with the servers of a backend, which discovery reads."""

    servers: tuple[Annotated[ServerSpec, BeforeValidator(_as_server), Also(TEXT, "URL")], ...]
    """All of them, written as in a configuration."""


class Discovered(Model):
    """What the options of every discovery provider have."""

    scheme: Literal["http", "https", "h2", "h2c", "tcp", "tls", "udp"] = "http"
    """What is spoken to the servers that are found."""


class Sticky(Model):
    """Keep a client on the server it first got, by a sealed cookie."""

    cookie: Annotated[str, AfterValidator(_token)] | None = None
    """Its name, unset one of the backend's own; it is taken off the request before the server sees it."""
    ttl: Duration = 300.0
    """How long the cookie binds a client, from when it was given."""
    secret: Secrets = ()
    """Newest first: the first seals, all of them open. Without one, cookies do not outlive a restart."""


class GrpcHealth(Model):
    """What to ask the health service of a gRPC server for."""

    service: str = ""
    """A service as gRPC names it, such as `package.Service`; without it the server as a whole."""


class Health(Model):
    """An active check of every server: over HTTP when there is a path, over gRPC, else over TCP."""

    path: str | None = None
    """The path to ask for over HTTP; without it the check is that a connection can be made."""
    grpc: Annotated[
        GrpcHealth | None,
        BeforeValidator(lambda value: {} if value is True else None if value is False else value),
        Also({"type": "boolean"}, "`true` or `false`"),
    ] = None
    """With `true`, ask the server's health service (`grpc.health.v1.Health`); SERVING is well."""
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    """The method to ask with."""
    host: str | None = None
    """The Host to ask for, over HTTP or gRPC; without it the server's own `host:port`."""
    status: Annotated[str, BeforeValidator(_statuses), Also({"type": "integer"}), Word("statuses")] = (
        "200-399"
    )
    """What a well server answers: `200`, `200-399` or `200,204`."""
    body: Expression | None = None
    """What the first 64 KiB of the response to an HTTP check must match."""
    send: str | None = None
    """What to send once a TCP connection is made."""
    expect: Expression | None = None
    """What the first 64 KiB that a TCP check receives must match."""
    port: Port | None = None
    """Where to ask, if not at the server's own port."""
    interval: Duration = 10.0
    """From the end of one check to the next, give or take a tenth."""
    timeout: Duration = 5.0
    """For one check, shorter than the interval. Where that is 5s or less: half of it."""
    rise: int = Field(2, ge=1)
    """Good checks in a row that bring a server back."""
    fall: int = Field(3, ge=1)
    """Bad checks in a row that take a server out."""
    initial: Literal["up", "down"] = "up"
    """What a server is before its first checks."""

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
    """In a row: no connection, no whole response, or a status of 500 or more."""
    base: Duration = 30.0
    """How long a server is out the first time; each time after that twice as long."""
    max: Duration = 300.0
    """The longest a server is out at a time."""
    max_ejected: Share = 0.5
    """At most this share of the servers is out at once; of two or more, one may always be."""


class BackendTimeouts(Model):
    """How long to wait for a server. All but `connect` are for http servers, and 0 is no limit there."""

    connect: Duration = 5.0
    """For a connection; and as long again for TLS."""
    response: Duration = 60.0
    """For the head of a response, once the request is sent."""
    idle: Duration = 60.0
    """Between two pieces of a response's body."""
    tunnel: Duration = 3600.0
    """For a WebSocket (or what else was upgraded to) on which nothing moves."""
    total: Duration = 0.0
    """For a whole exchange, all its tries included."""


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


def _pin(value: str) -> str:
    """In hexadecimal digits."""
    text = value.removeprefix("sha256/")
    # curl writes two slashes; the base64 may begin with one as well.
    text = text[1:] if len(text) == 45 and text.startswith("/") else text
    if re.fullmatch("[0-9A-Fa-f]{64}", text.replace(":", "")):
        return text.replace(":", "").lower()
    if re.fullmatch("[0-9A-Za-z+/]{43}=", text):
        return b64decode(text).hex()
    raise ValueError(
        "not a pin: write sha256/ and the base64 of the SHA-256 of a public key in DER"
        " (openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary"
        " | openssl base64)"
    )


class BackendTls(Model):
    """How to speak TLS to a server: verified, unless told otherwise."""

    ca: File | None = None
    """The authorities to trust, in PEM; without it the system's."""
    server_name: str | None = None
    """The name to ask for, which the certificate must have; without it the host of the URL."""
    verify: bool = True
    """With `false` any certificate will do, and anybody can pose as the server."""
    pin: Many[Annotated[str, AfterValidator(_pin), Word("pin")]] = ()
    """Public keys, as `sha256/` and base64: beside all else, the certificate of the server or one above it
    must have one of them. With `verify: false` it is that of the server."""
    cert: File | None = None
    """A certificate to show the server, in PEM."""
    key: File | None = None
    """Its key, which has to be named, too; it may be in the same file."""


class Pool(Model):
    """Idle HTTP connections kept open for the next request."""

    size: int = Field(256, ge=0)
    """For each server, at most; 0 keeps none."""
    idle: Duration = 55.0
    """How long one is kept. Choose less than the servers do, so that they do not close it first."""


class Backend(Model):
    """A named group of servers that can answer the same requests."""

    url: Url | None = None
    """The only server, or the first: short for `servers: [URL]`."""
    servers: tuple[Annotated[ServerSpec, BeforeValidator(_as_server), Also(TEXT, "URL")], ...] = ()
    """All of them speak the same: http and https, tcp and tls, or udp."""
    discovery: Chosen | None = None
    """Who says which servers there are, instead of `url` and `servers`; they come and go meanwhile."""
    balance: Chosen = Use(word="round-robin")
    """Who of the servers that are well is asked."""
    sticky: Sticky | None = None
    """Keep clients on their servers. Off where it is not written. Only for http servers."""
    health: Health | None = None
    """Ask servers whether they are well. Off where it is not written; `{}` asks with the defaults."""
    passive_health: PassiveHealth | None = None
    """Watch how servers do. Off where it is not written; `{}` watches with the defaults."""
    timeouts: BackendTimeouts = BackendTimeouts()
    """How long to wait."""
    retries: Retries = Retries()
    """When to ask another server. Not for udp servers."""
    tls: BackendTls = BackendTls()
    """For https and tls servers: whom to trust."""
    proxy_protocol: Literal["v1", "v2"] | None = None
    """Begin connections with a PROXY header. To http servers each then carries a single request."""
    pool: Pool = Pool()
    """Which connections are kept. Only for http servers."""
    host: str = "keep"
    """The Host sent to the server: `keep` the client's, `server` for its own, or a name."""
    forwarded: bool = False
    """Also write the `Forwarded` header (RFC 7239)."""

    @property
    def all_servers(self) -> tuple[ServerSpec, ...]:
        """The servers, whichever way they were written."""
        return (ServerSpec(url=self.url), *self.servers) if self.url else self.servers

    @property
    def schemes(self) -> list[str]:
        """What is spoken to the servers, as it is written: for each, or for all that are discovered."""
        if self.discovery is None:
            return [server.url.partition(":")[0] for server in self.all_servers]
        options = self.discovery.options if isinstance(self.discovery.options, dict) else {}
        return [str(options.get("scheme", Discovered().scheme))]


BackendRef = Annotated[
    Annotated[str, Tag("name"), Word("name")] | Annotated[Backend, Tag("inline")],
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
    Word("mapping of names to values"),
]


def _as_matches(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Conditions(Model):
    """What a request must show; all of them, and any one of a list."""

    host: OneOrMore = ()
    """A name without its port, `*.example.com` (one label more), or `^` and a regular expression."""
    path: OneOrMore = ()
    """`/x` (it and what is below: `/x/y`, not `/xy`), `/x/*` (what is below), or `^` and an expression."""
    methods: OneOrMore = ()
    """In capitals, such as `GET`."""
    headers: ValueMap = {}
    """`{X-Beta: "1"}`: the value, `^` and a regular expression, `true` (is there), `false` (is not)."""
    query: ValueMap = {}
    """Parameters of the query, as in `headers`."""
    cookies: ValueMap = {}
    """Cookies, as in `headers`."""
    scheme: Literal["http", "https"] | None = None
    """What the listener speaks that the request came to."""
    client_ip: Cidrs = ()
    """Where the client is, as a trusted proxy or a PROXY header says it."""


class Match(Conditions):
    """What a request must show; all of these keys, and any one of a list."""

    not_: Conditions | None = Field(None, alias="not")
    """The same keys once more: a request that shows all of them is not meant."""


class Redirect(Model):
    """Answer with another address. What is not written stays as the request had it."""

    to: str | None = None
    """A path or URL; `$1` is what the regular expression of the route's path captured."""
    scheme: Literal["http", "https"] | None = None
    """Of the new address."""
    host: str | None = None
    """Of the new address."""
    port: Port | None = None
    """Of the new address; that of a new scheme is its usual one."""
    status: Literal[301, 302, 303, 307, 308] = 308
    """308 and 307 keep the method; 301 and 308 are remembered by browsers."""


class Respond(Model):
    """Answer from the configuration itself."""

    status: int = Field(200, ge=200, le=599)
    """Those of 204, 205 and 304 have no body."""
    headers: dict[str, str] = {}
    """Without a Content-Type among them, text is `text/plain; charset=utf-8`."""
    body: str = ""


class Echo(Model):
    """Answer with what was received."""


def _fingerprint(value: str) -> str:
    text = value.replace(":", "").lower()
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(
            "not a fingerprint: write the 64 hexadecimal digits of openssl x509 -fingerprint -sha256"
        )
    return text


class ClientCertificate(Model):
    """What a client must have shown: all of these keys, and any one of a list."""

    subject: OneOrMore = ()
    """As RFC 4514 writes it, `CN=a,O=Example`; or `^` and a regular expression."""
    san: OneOrMore = ()
    """A subject alternative name: a host (`*.x` for one label more), an address, a URI, an e-mail address; or
    `^` and a regular expression."""
    fingerprint: Many[Annotated[str, AfterValidator(_fingerprint), Word("fingerprint")]] = ()
    """The SHA-256 of the whole certificate, in hexadecimal digits, with or without colons."""


def _as_required(value: Any) -> Any:
    if isinstance(value, str) and value != "required":
        raise ValueError(
            f"{value!r} is not known here: write required, or what it must say, {{subject: CN=a}}"
        )
    return {} if value == "required" else value


class Route(Model):
    """A match and where it leads: one of `backend`, `redirect`, `respond` and `echo`.

    Of the routes that match, the one of the lowest priority is taken; among equals the most specific
    (host, then path, then the number of conditions), then the first in the file.
    """

    name: str | None = None
    """What logs and metrics call it; without it they name its place in the list and its match."""
    match: Annotated[tuple[Match, ...], Field(min_length=1), BeforeValidator(_as_matches), Also(ONE)] = (
        Match(),
    )
    """Any one of a list will do. Without it every request matches."""
    priority: int = 100
    """Lower is asked first."""
    listeners: OneOrMore = ()
    """Names of the http, https and http3 listeners it is for; without it all of them."""
    client_cert: Annotated[
        ClientCertificate | None,
        BeforeValidator(_as_required),
        Also({"type": "string", "const": "required"}, "`required`"),
    ] = None
    """Ask for a client certificate, as `tls: {client: ...}` of the listener verifies them: `required`, or
    what it must say. Else the answer is 403, before any middleware."""
    middlewares: tuple[Chosen, ...] = ()
    """What requests walk through, in this order; also names of `middlewares:`."""
    backend: BackendRef | None = None
    """Ask a server of this backend."""
    redirect: Annotated[
        Redirect | None, BeforeValidator(lambda v: {"to": v} if isinstance(v, str) else v), Also(TEXT)
    ] = None
    """Answer with another address; a text is short for `{to: ...}`."""
    respond: Respond | None = None
    """Answer with a fixed text."""
    echo: Echo | None = None
    """Answer with the request as JSON; send back what comes over a WebSocket."""


class ConnectionMatch(Model):
    """What a connection must show at layer 4; all of them, and any one of a list."""

    sni: OneOrMore = ()
    """Names asked for: exact, `*.x` (one label more), `^` and an expression, `""` for no name at all."""
    alpn: OneOrMore = ()
    """Protocols offered, such as `h2` or `postgresql`."""
    client_ip: Cidrs = ()
    """Where the client is, as a PROXY header says it."""


class ConnectionRoute(Model):
    """A layer-4 match and the backend it leads to; asked in the order of the file."""

    name: str | None = None
    """For whoever reads the file."""
    match: ConnectionMatch = ConnectionMatch()
    """Without it every connection matches."""
    backend: BackendRef
    """Where the connection is relayed to; its servers are tcp or tls, over udp udp."""


# --- listeners --------------------------------------------------------------------------------


class ReceiveProxyProtocol(Model):
    """Expect a PROXY header (v1 or v2) on each connection."""

    trusted: Annotated[Cidrs, Field(min_length=1)]
    """Who may send one; connections from elsewhere are refused."""
    timeout: Duration = 1.0
    """For the whole header."""


class ExternalAccount(Model):
    """An account that the directory's owner knows us by already."""

    kid: str
    """Its id, as the owner gives it."""
    hmac: Secret
    """Its key, in base64url, as the owner gives it."""


class OnDemand(Model):
    """Get a certificate for a name when a client first asks for it, who waits meanwhile."""

    allow: Annotated[OneOrMore, Field(min_length=1)]
    """Names that may have one; `*.` before a name stands for any one label."""
    ask: str | None = None
    """A URL that is asked too, with `?domain=NAME`: a status of 200 to 299 is a yes."""
    per_hour: int = Field(20, ge=1, le=10000)
    """New names that are taken in an hour, at most."""


class Acme(Model):
    """A certificate that is got from an ACME directory, and renewed in time.

    Who writes this agrees to the directory's terms of service, which the log names.
    """

    names: OneOrMore = ()
    """The names it is for, the first one its own; `*.` before a name needs dns-01."""
    on_demand: OnDemand | None = None
    """Instead of `names`: one certificate for each name that is asked for. Not for http3."""
    email: str | None = None
    """Where the directory may write to. Most need none."""
    directory: str = "https://acme-v02.api.letsencrypt.org/directory"
    """The URL of the directory. Let's Encrypt where none is written."""
    ca: File | None = None
    """The authorities to trust for the directory itself, in PEM; without it the system's."""
    state: Folder
    """The folder where account and keys live, for nobody else to read. It is made where it is not there."""
    challenge: Literal["http-01", "tls-alpn-01", "dns-01"] = "http-01"
    """How we prove that a name is ours: over http (port 80), in TLS handshakes (port 443), or by `hook`."""
    key: Literal["ecdsa", "rsa"] = "ecdsa"
    """The kind of its key."""
    eab: ExternalAccount | None = None
    """For directories that want to know an account before."""
    hook: OneOrMore = ()
    """dns-01: a command and its arguments, run without a shell, with `add` or `remove`, the name of the TXT
    record and its text at the end. It returns when the record is there for all to see."""
    hook_timeout: Duration = 120.0
    """How long each run of the hook may take; then it is killed."""


class Certificate(Model):
    """A certificate and its key, one that renews itself, or a self-signed one (development only)."""

    cert: File | None = None
    """The certificate and its chain, in PEM; its names say for whom it is used."""
    key: File | None = None
    """Its key, in PEM without a passphrase, that only we can read; it may be in the same file."""
    ocsp: bool | None = None
    """Whether its OCSP responder is asked in the background, and clients are shown what it says (stapling).
    Without it: where the certificate says that this must be (RFC 7633)."""
    ocsp_cache: str | None = None
    """A file that keeps the responder's last answer, for the next start."""
    self_signed: OneOrMore = ()
    """Names and addresses of a certificate that is made at every start, which no client trusts."""
    acme: Acme | None = None
    """Instead: get one from an ACME directory, and renew it. Needs the extra `toron[acme]`."""


class ClientTls(Model):
    """Whether clients have to show a certificate, for all names or for some."""

    names: OneOrMore = ()
    """For those who ask for these names, exact or `*.x`; without it for all others."""
    verify: Literal["required", "optional", "none"] = "required"
    """required: who shows none that is good gets an alert. optional: who shows none is let in, and routes may
    ask for one. none: nobody is asked for one."""
    ca: File | None = None
    """The authorities that sign clients' certificates, in PEM."""
    crl: File | None = None
    """What they have revoked, in PEM: a list of each authority, those in the middle included."""
    headers: tuple[
        Literal["subject", "issuer", "san", "serial", "fingerprint", "cert", "chain"], ...
    ] = ("subject", "san", "serial", "fingerprint")  # fmt: skip
    """What servers are told: `X-Client-Cert-Subject`, `-Issuer`, `-San`, `-Serial`, `-Fingerprint`; whole, as
    RFC 9440 has it, `Client-Cert` and `Client-Cert-Chain`."""


class ListenerTls(Model):
    """How TLS is terminated here."""

    policy: Literal["modern", "intermediate", "legacy"] = "intermediate"
    """modern: TLS 1.3. intermediate: 1.2 and 1.3. legacy: 1.2 and 1.3 with CBC suites."""
    default_cert: Literal["strict", "first"] = "strict"
    """For a name no certificate has: an unrecognized_name alert, or the first certificate."""
    client: Annotated[tuple[ClientTls, ...], BeforeValidator(_as_matches), Also(ONE)] = ()
    """https, tls: which clients have to show a certificate. Without it nobody is asked for one. A session
    that began with asking for one is never resumed."""
    misdirected: Literal["refuse", "pass"] = "refuse"
    """https, http3: what becomes of a request for another host than the TLS handshake was for, and which the
    certificate that was shown there is not for: 421, or it is served. Either way 421 where another
    client certificate is asked for."""


class ListenerTimeouts(Model):
    """How long to wait for a client."""

    handshake: Duration = 10.0
    """For TLS to be agreed on, or on sni listeners for the ClientHello. Over udp also for the client to
    hear the server."""
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
    """The request line and all header fields, else 431."""
    fields: int = Field(100, ge=1)
    """Header fields, else 431."""
    body: Size = 256 << 20
    """The body, else 413."""
    requests: int = Field(0, ge=0)
    """Requests on one connection; 0 is any number."""
    streams: int = Field(100, ge=1, le=10000)
    """HTTP/2, HTTP/3: requests at a time on one connection; further ones are refused, for the client to try
    again. HTTP/3 has 100 at most."""


class RedirectHttp(Model):
    """Where http requests are sent to."""

    port: Port | None = Field(None, gt=0)
    """The https port as clients see it; without it that of the https listener."""
    status: Literal[301, 302, 307, 308] | None = None
    """Without it 301, and 308 where the method is another than GET or HEAD."""


class Listener(Model):
    """An address to accept on, and the protocol spoken there."""

    name: str = ""
    """What logs, metrics and routes call it; without it `protocol-port`, such as `http-8080` (and
    `sni-udp-443` for sni over udp)."""
    protocol: Literal["http", "https", "http3", "tcp", "tls", "sni", "udp"]
    """http, https and http3 are led by `routes:`. The rest is relayed: tcp and udp as they come, tls
    decrypted, sni still encrypted, by the name that the client asks for."""
    transport: Literal["tcp", "udp"] = "tcp"
    """sni: TLS is over tcp; QUIC, and so HTTP/3, over udp. Both may have the same port."""
    address: str | None = None
    """An IPv4 or IPv6 address; without it every address of both kinds."""
    port: Port
    """With 0 the system picks a free one."""
    backlog: int = Field(1024, ge=1)
    """Connections that the system may hold until they are accepted. Not over udp."""
    guards: tuple[Chosen, ...] = ()
    """Who may come in; asked in this order, before a byte is read."""
    proxy_protocol: ReceiveProxyProtocol | None = None
    """Expect PROXY headers, which say where the client is. Not over udp."""
    trusted_proxies: Cidrs = ()
    """HTTP: peers whose `X-Forwarded-*` and `Forwarded` are believed. Without it nobody's are."""
    http2: bool = True
    """http, https: whether HTTP/2 is spoken too: over TLS as ALPN says, in the clear with clients that begin
    with it."""
    encoded_slashes: Literal["refuse", "pass"] = "refuse"
    """HTTP: what becomes of `%2F` in a path. A server may read it as `/`, and so see a path that no route
    matched: pass it only to servers that do not."""
    certificates: tuple[Certificate, ...] = ()
    """https, http3, tls: at least one; the name that the client asks for says which is used."""
    tls: ListenerTls = ListenerTls()
    """https, http3, tls: how strict it is. Over http3 it is always TLS 1.3."""
    redirect_http: Annotated[
        RedirectHttp | None,
        BeforeValidator(lambda value: {} if value is True else None if value is False else value),
        Also({"type": "boolean"}, "`true` or `false`"),
    ] = None
    """https: answer what comes to the http listeners, for a host that is served here, with a redirect to
    here. http: answer what comes here with a redirect to the https listeners. Routes that name an http
    listener under `listeners:` are still served there, and so is what ACME asks for."""
    timeouts: ListenerTimeouts = ListenerTimeouts()
    """How long to wait. Not on udp listeners; tcp has none, tls and sni only `handshake`."""
    limits: Limits = Limits()
    """HTTP: how large a request may be."""
    backend: BackendRef | None = None
    """tcp, tls, sni, udp: where everything is relayed to."""
    routes: tuple[ConnectionRoute, ...] = ()
    """tcp, tls, sni: instead of `backend`; a connection that none of them matches is closed, over udp
    forgotten."""
    idle: Duration | None = None
    """tcp, tls, sni: cut a relay on which nothing moves (after 1h). udp: forget a session (after 30s). sni
    over udp: forget a connection (after 1m)."""
    sessions: int = Field(10000, ge=1)
    """udp, sni over udp, http3: at most so many at once; further clients are turned away."""
    retry: Literal["auto", "always"] = "auto"
    """http3: when clients have to prove their address first, which takes them a round trip more: where many
    shake hands at a time, or always."""
    responses: int = Field(0, ge=0)
    """udp: replies to each datagram after which its session is over, 1 for DNS; 0 is any number."""
    echo: Echo | None = None
    """tcp, tls, udp: instead of a backend, send back what comes."""

    @property
    def label(self) -> str:
        """The name, or protocol-port."""
        return self.name or f"{self.kind}-{self.port}"

    @property
    def kind(self) -> str:
        """The protocol; `sni-udp` where that is sni over udp."""
        return "sni-udp" if self.protocol == "sni" and self.transport == "udp" else self.protocol

    @property
    def over_udp(self) -> bool:
        """Whether what comes in are datagrams."""
        return self.kind in DATAGRAMS


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

    path: File
    """Where to; `-` for standard output. `access_log: PATH` is short for it."""
    redact: tuple[str, ...] = (
        "access_token", "api_key", "apikey", "auth", "code", "key", "password", "secret",
        "sig", "signature", "token",
    )  # fmt: skip
    """Query parameters whose values are written as `<redacted>`."""


class Log(Model):
    """What the gateway says about itself."""

    level: Literal["debug", "info", "warn", "error"] = "info"
    """The least that is worth a line."""


class Admin(Model):
    """Where /metrics, /healthz, /readyz and the [admin API](admin.md) are served."""

    address: str = "127.0.0.1"
    """An IPv4 or IPv6 address. Anything but loopback shows the metrics to other machines."""
    port: Port = 9901
    token: Secret | None = None
    """What clients of the API have to know: at least 16 characters. Without it the API is for clients on this
    machine, and the address has to be loopback. Metrics and readiness need none."""
    api: bool = True
    """Whether there is an API. With `false` the port only shows metrics and readiness."""


class Explain(Model):
    """What `toron explain --live` can tell of what is over; nothing where there is no `admin` to ask."""

    keep: Annotated[int, Field(ge=0, le=100_000)] = 1000
    """How many that went well are remembered, and as many that did not; of each 4 MiB at most. 0: none."""
    follow: Rate = RateValue(100.0, 1.0)
    """How many are followed on their way and remembered; of those that go wrong ten times as many are."""


class Drain(Model):
    """How a stop goes: not ready, a pause, no new connections, and at the limit the end."""

    delay: Duration = 0.0
    """From `/readyz` saying 503 to no new connections, for a load balancer in front to notice."""
    limit: Duration = 30.0
    """For what is in flight to finish; then it is cut."""


class Upgrade(Model):
    """How a new process takes over (`toron upgrade`, SIGUSR2)."""

    start: Duration = 30.0
    """For the new process to be ready: servers found and checked, workers started; else it is ended."""
    linger: Duration = 600.0
    """For connections of the old process to end by themselves, such as WebSockets; then they are cut."""

    @field_validator("start")
    @classmethod
    def _some(cls, seconds: float) -> float:
        if not seconds:
            raise ValueError("no process is ready in no time: write a duration above 0, such as 30s")
        return seconds


class Asked(Model):
    """A request, connection or datagram that is asked about, and never sent."""

    url: str
    """`https://a.example/b?c`, `http://`, `tcp://host:port`, `tls://name:port` or `udp://host:port`."""
    method: str = "GET"
    """Of an HTTP request."""
    headers: dict[str, Many[AsText]] = {}
    """Of an HTTP request; the Host is that of the URL where none is written."""
    client: str = "127.0.0.1"
    """Where the client is."""
    alpn: OneOrMore = ()
    """What a TLS client offers to speak. With https:// that is `h2` and `http/1.1` if it is not written."""
    listener: str | None = None
    """The name of the listener that is asked; without it the port of the URL says which."""


class Expected(Model):
    """What must come of it: all that is written here, and at least one of them."""

    route: str | None = None
    """The name of the route, or as logs call it."""
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """Of what the gateway answers itself: a redirect, a `respond`, a refusal."""
    headers: ValueMap = {}
    """Of what the gateway answers itself; values as in a match."""
    backend: str | None = None
    """The name of the backend that is asked, or that of its first server."""
    reason: str | None = None
    """The word of a refusal, as the access log has it."""

    @model_validator(mode="after")
    def _some(self) -> Expected:
        if not self.model_fields_set:
            raise ValueError("nothing is expected: write route, status, headers, backend or reason")
        return self


class Test(Model):
    """A request and what must come of it; tried by every `toron check`, without serving anything."""

    request: Annotated[
        Asked, BeforeValidator(lambda v: {"url": v} if isinstance(v, str) else v), Also(TEXT, "URL")
    ]
    """What is asked; a URL alone may stand for it."""
    expect: Expected
    """What must come of it."""


class Reload(Model):
    """When the file is loaded again while the gateway runs, besides on SIGHUP."""

    watch: bool = False
    """Whenever the file has changed, or a link on the way to it."""


class History(Model):
    """Which of the configurations that served are remembered, for `toron history` and `toron rollback`."""

    keep: int = Field(50, ge=2, le=1000)
    """How many."""
    path: Folder | None = None
    """A folder for them, so that they outlive a restart; without it they are kept in memory. It is made for
    the gateway's user only, and so is each file: the texts have the secrets that are written in them."""


class Config(Model):
    """What may stand at the top of a file; all but `listeners` may be left out."""

    listeners: tuple[Listener, ...] = Field(min_length=1)
    """Where to accept, and what is spoken there; at least one."""
    routes: tuple[Route, ...] = ()
    """Where the requests of http, https and http3 listeners lead. Others are answered 404."""
    backends: dict[str, Backend] = {}
    """Servers, by the names that routes and listeners use."""
    middlewares: dict[str, Annotated[Named, BeforeValidator(lambda v: {} if v is None else v)]] = {}
    """Middlewares with their options, by the names that routes use."""
    access_log: Annotated[
        AccessLog | None,
        BeforeValidator(lambda v: {"path": v} if isinstance(v, str) else v),
        Also(TEXT, "file"),
    ] = None
    """A line for everything that was served or refused. Off where it is not written."""
    log: Log = Log()
    """What the gateway says about itself."""
    admin: Admin | None = None
    """Metrics and readiness. Off where it is not written; `{}` serves them with the defaults."""
    explain: Explain = Explain()
    """What is remembered of requests and connections, for those who ask why they went where they went."""
    drain: Drain = Drain()
    """How it stops."""
    upgrade: Upgrade = Upgrade()
    """How a new process takes over."""
    reload: Reload = Reload()
    """When it takes changes over."""
    history: History = History()
    """What is remembered of changes, where there is an admin port."""
    include: OneOrMore = ()
    """Other files to take in, which may include more: paths, or patterns with `*`, `?` and `[a-z]`, relative
    to the folder of the file that names them. See [several files](operating.md#several-files)."""
    tests: tuple[Test, ...] = ()
    """What this configuration must do with some requests; one that it does not do makes it invalid."""
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = 1
    """Processes that serve; `auto` is one for each core. Above 1, one more looks after them."""
