"""Lets only requests with a valid bearer token through."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from twisted.internet.threads import deferToThreadPool

from toron.config.model import File, Model, OneOrMore, Scalars, Secrets
from toron.config.units import Duration
from toron.core.message import Middleware, Request, Response, Service
from toron.core.refusal import BAD_TOKEN, NO_TOKEN, TOKEN_CLAIMS, Reason, Refusal
from toron.interfaces import Environment
from toron.middleware._claims import NOTE, as_text, claim
from toron.middleware._keys import (
    Algorithm,
    VerifyingKey,
    from_jwks,
    from_pem,
    from_secret,
    weakness,
)
from toron.middleware._names import checked_name
from toron.middleware._tokens import Rules, Verified, Verifier
from toron.wire.headers import Field as HeaderField
from toron.wire.headers import fold

READ_AGAIN = 10.0
"""Seconds that must pass before the key file is read again for a token no key of it has signed."""


class Options(Model):
    """Which tokens are good. JWK sets are read from files; over HTTP they are not fetched."""

    secret: Secrets = ()
    """Shared secrets; any of them will do, so that one can be exchanged for another. Where there is no
    key of any kind: the environment variable `JWT_SECRET`."""
    keys: File | None = None
    """A file with a JWK set (RFC 7517); read again for a token no key of it signed, every 10 s at most."""
    public_key: OneOrMore = ()
    """Public keys or certificates in PEM."""
    algorithms: tuple[Algorithm, ...] = ()
    """What tokens may be signed with; without it what is usual for each key: HS256, RS256, ES256, EdDSA."""
    audience: OneOrMore = ()
    """`aud` must hold one of these."""
    issuer: OneOrMore = ()
    """`iss` must be one of these."""
    required: OneOrMore = ()
    """Claims that must be there, such as `exp`."""
    leeway: Duration = 30.0
    """How far clocks may be apart."""
    claims: dict[str, Scalars] = Field(default={})
    """Claims that must be, or contain, the value (or one of a list): `{scope: read}`. Otherwise 403."""
    forward: dict[Annotated[str, AfterValidator(checked_name)], str] = Field(default={})
    """Request headers that get a claim: `{X-User: sub}`. Clients' own fields of these names are removed."""
    strip: bool = False
    """Take the token away before the request goes on."""

    @model_validator(mode="before")
    @classmethod
    def _from_environment(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or any(value.get(word) for word in ("secret", "keys", "public_key")):
            return value
        environ: Mapping[str, str] = (info.context or {}).get("environ", os.environ)
        if secret := environ.get("JWT_SECRET"):
            return {**value, "secret": secret}
        raise ValueError(
            'jwt has no key: add secret: "${JWT_SECRET}" (or public_key, or keys: a JWK set file),'
            " or set the environment variable JWT_SECRET"
        )

    @model_validator(mode="after")
    def _check_keys(self) -> Options:
        self.written_keys()
        return self

    def written_keys(self) -> list[VerifyingKey]:
        """The keys that stand in the configuration itself; ValueError when one is not good."""
        secrets = [from_secret(secret.get_secret_value(), self.algorithms) for secret in self.secret]
        return secrets + [from_pem(pem, self.algorithms) for pem in self.public_key]


def read_keys(path: Path, algorithms: tuple[Algorithm, ...]) -> list[VerifyingKey]:
    """The keys of a JWK set file; ValueError, naming the file, when they cannot be had."""
    try:
        return from_jwks(path.read_text("utf-8"), algorithms)
    except OSError as error:
        raise ValueError(f"cannot read the key file {path}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def make(options: Options, environment: Environment, clock: Callable[[], float] = time.time) -> Middleware:
    """Refusals carry WWW-Authenticate (RFC 6750 section 3); `clock` gives seconds since 1970.

    The claims of a good token are left in `request.notes` under `claims`. Raises ValueError when
    the key file cannot be used.
    """
    rules = Rules(options.leeway, options.issuer, options.audience, options.required, options.claims)
    file = None if options.keys is None else Path(environment.folder, options.keys)
    name = environment.name
    for secret in options.secret:
        if weak := weakness(secret.get_secret_value(), options.algorithms):
            environment.log.warn("{name}: {weak}", name=name, weak=weak)

    def read() -> Verifier:
        found = [] if file is None else read_keys(file, options.algorithms)
        return Verifier(options.written_keys() + found, rules)

    verifier = read()
    read_again_at = clock()
    state = _state(file)
    realm = name.replace("\\", "").replace('"', "")
    forward = [(header.encode(), source) for header, source in options.forward.items()]
    ours = frozenset(_spelled(header) for header, _ in forward)

    def refusal(reason: Reason, detail: str) -> Refusal:
        challenge = f'Bearer realm="{realm}"'
        if reason is not NO_TOKEN:
            error = "insufficient_scope" if reason is TOKEN_CLAIMS else "invalid_token"
            challenge += f', error="{error}", error_description="{reason.text}"'
        return Refusal(reason, detail, ((b"WWW-Authenticate", challenge.encode("ascii", "replace")),))

    def admit(request: Request) -> Verified:
        lines = request.headers.get_all(b"authorization")
        if len(lines) > 1:
            raise refusal(BAD_TOKEN, "more than one Authorization field")
        scheme, _, token = lines[0].partition(b" ") if lines else (b"", b"", b"")
        if scheme.lower() != b"bearer":
            raise refusal(NO_TOKEN, "no bearer token")
        try:
            return verifier.verify(token.strip(), clock())
        except Refusal as refused:
            raise refusal(refused.reason, refused.detail) from None

    def pass_on(request: Request, verified: Verified) -> None:
        if ours:
            for spelling in {fold(field[0]) for field in request.headers if _spelled(field[0]) in ours}:
                request.headers.remove(spelling)
            for field in forwarded(verified):
                request.headers.add(*field)
        if options.strip:
            request.headers.remove(b"authorization")
        request.notes = {**(request.notes or {}), NOTE: verified.claims}

    def forwarded(verified: Verified) -> list[HeaderField]:
        fields: list[HeaderField] = []
        for header, source in forward:
            text = as_text(claim(verified.claims, source))
            if text is None:
                continue
            if any(sign < " " or sign == "\x7f" for sign in text):
                raise refusal(BAD_TOKEN, f"the claim {source} does not fit into a header")
            fields.append((header, text.strip().encode("utf-8", "replace")))
        return fields

    async def renewed(refused: Refusal) -> bool:
        """Whether the key file was read again, since a token may be signed with a key that is new in it."""
        nonlocal verifier, read_again_at, state
        if file is None or refused.reason is not BAD_TOKEN or clock() < read_again_at:
            return False
        read_again_at = clock() + READ_AGAIN
        before, state = state, _state(file)
        if state == before:
            return False
        try:
            verifier = await deferToThreadPool(environment.reactor, environment.reactor.getThreadPool(), read)
        except ValueError as error:
            environment.log.error("{name} keeps its keys: {error}", name=name, error=error)
            return False
        return True

    async def jwt(request: Request, service: Service) -> Response:
        try:
            try:
                verified = admit(request)
            except Refusal as refused:
                if not await renewed(refused):
                    raise
                verified = admit(request)
            pass_on(request, verified)
        except Refusal:
            request.middleware = name
            raise
        return await service(request)

    return jwt


def _state(file: Path | None) -> tuple[int, int] | None:
    """What changes when a file does; None where there is none."""
    try:
        found = None if file is None else file.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size)


def _spelled(header: bytes) -> bytes:
    """Some servers read `X_User` as `X-User`."""
    return fold(header).replace(b"_", b"-")
