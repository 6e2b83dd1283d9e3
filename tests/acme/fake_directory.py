"""An ACME directory in this process, which can be told to answer otherwise."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import Deferred

from toron.acme.failure import KIND
from toron.acme.https import Reply

ROOT = "https://ca.test"
"""What the URLs of the directory begin with."""


def decoded(text: str) -> bytes:
    """base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def refusal(kind: str, status: int = 400, **fields: str) -> Reply:
    """A problem document; `fields` are header fields, `_` for `-`."""
    body = json.dumps({"type": KIND + kind, "detail": f"you see, {kind}"}).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in fields.items()}, body)


class FakeDirectory:
    """An `Ask`. `instead` has replies (or exceptions, or what makes one) that come first, by path."""

    def __init__(self, wall: Callable[[], float] = lambda: 1e9, life: float = 90 * 86400.0) -> None:
        self.wall = wall
        self.life = life
        self.asked: list[tuple[str, str, Any]] = []
        """Method, path and payload of what was answered as usual."""
        self.instead: dict[str, list[Any]] = {}
        self.kids: list[str] = []
        self.accounts: dict[str, dict[str, Any]] = {}
        """The payload of each account's request, by its thumbprint."""
        self.names: list[str] = []
        self.proofs: dict[str, str] = {}
        """What each name has still to prove, or has proved: the status."""
        self.order = "pending"
        self.proved: Callable[[str, str], str] = lambda name, token: "valid"
        """What becomes of a proof."""
        self.kinds = ("http-01", "tls-alpn-01", "dns-01")
        self.window: dict[str, Any] | None = None
        self.chain = b""
        self._nonces = 0
        self._used: set[str] = set()
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [path for _, path, _ in self.asked]

    async def __call__(self, method: str, url: str, body: bytes | None) -> Reply:
        """Answer, as `toron.acme.https.Https` does."""
        assert url.startswith(ROOT), url
        path = url.removeprefix(ROOT)
        told = self.instead.get(path)
        if told:
            found = told.pop(0)
            found = found() if callable(found) else found
            if isinstance(found, Deferred):
                found = await found
            if isinstance(found, BaseException):
                raise found
            found.fields.setdefault("replay-nonce", self._new_nonce())
            reply: Reply = found
            return reply
        payload = None if body is None else self._opened(url, json.loads(body))
        self.asked.append((method, path, payload))
        answer = getattr(self, "_" + path.strip("/").partition("/")[0].replace("-", "_"))
        reply = answer(path, payload)
        if method != "GET":
            reply.fields["replay-nonce"] = self._new_nonce()
        return reply

    def _new_nonce(self) -> str:
        self._nonces += 1
        return f"nonce{self._nonces}"

    def _opened(self, url: str, sent: dict[str, str]) -> Any:
        """The payload of a request, which is signed as it should be."""
        header = json.loads(decoded(sent["protected"]))
        assert header["url"] == url and header["alg"] == "ES256", header
        assert header["nonce"] not in self._used, "a nonce was used twice"
        self._used.add(header["nonce"])
        assert ("jwk" in header) != ("kid" in header), header
        if "jwk" in header:
            self.jwk = header["jwk"]
        else:
            self.kids.append(header["kid"])
        point = [int.from_bytes(decoded(self.jwk[axis])) for axis in "xy"]
        key = ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()
        signature = decoded(sent["signature"])
        der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        key.verify(der, f"{sent['protected']}.{sent['payload']}".encode(), ec.ECDSA(hashes.SHA256()))
        return json.loads(decoded(sent["payload"])) if sent["payload"] else None

    def _nonce(self, path: str, payload: Any) -> Reply:
        return Reply(200)

    # --- what it answers as usual -------------------------------------------------------------

    def _dir(self, path: str, payload: Any) -> Reply:
        found: dict[str, Any] = {
            "newNonce": f"{ROOT}/nonce",
            "newAccount": f"{ROOT}/account",
            "newOrder": f"{ROOT}/new-order",
            "meta": {"termsOfService": f"{ROOT}/terms"},
        }
        if self.window is not None:
            found["renewalInfo"] = f"{ROOT}/ari"
        return self._json(found)

    def _account(self, path: str, payload: Any) -> Reply:
        known = json.dumps(self.jwk, sort_keys=True)
        thumbprint = hashlib.sha256(known.encode()).hexdigest()
        status = 200 if thumbprint in self.accounts else 201
        self.accounts[thumbprint] = payload
        return Reply(status, {"location": f"{ROOT}/my-account"}, b"{}")

    def _my_account(self, path: str, payload: Any) -> Reply:
        return self._json({"status": "valid"})

    def _new_order(self, path: str, payload: Any) -> Reply:
        self.names = [each["value"] for each in payload["identifiers"]]
        self.proofs = {name.removeprefix("*."): "pending" for name in self.names}
        self.order = "pending"
        reply = self._json(self._order_now(), 201)
        reply.fields["location"] = f"{ROOT}/order"
        return reply

    def _order_now(self) -> dict[str, Any]:
        return {
            "status": self.order,
            "authorizations": [f"{ROOT}/proof/{name}" for name in self.proofs],
            "finalize": f"{ROOT}/finalize",
            "certificate": f"{ROOT}/chain",
        }

    def _order(self, path: str, payload: Any) -> Reply:
        if self.order == "pending" and set(self.proofs.values()) == {"valid"}:
            self.order = "ready"
        return self._json(self._order_now())

    def _proof(self, path: str, payload: Any) -> Reply:
        name = path.rpartition("/")[2]
        challenges = [
            {"type": kind, "url": f"{ROOT}/try/{name}", "token": f"token-{name.partition('.')[0]}"}
            for kind in self.kinds
        ]
        status = self.proofs[name]
        if status == "invalid":
            challenges[0]["error"] = {"type": KIND + "connection", "detail": "nobody there"}  # type: ignore[assignment]
        return self._json(
            {
                "status": status,
                "identifier": {"type": "dns", "value": name},
                "challenges": challenges,
            }
        )

    def _try(self, path: str, payload: Any) -> Reply:
        name = path.rpartition("/")[2]
        self.proofs[name] = self.proved(name, f"token-{name.partition('.')[0]}")
        return self._json({"status": "processing"})

    def _finalize(self, path: str, payload: Any) -> Reply:
        request = x509.load_der_x509_csr(decoded(payload["csr"]))
        self.chain = self.signed(request.public_key(), self.names)
        self.order = "valid"
        return self._json(self._order_now())

    def signed(self, key: Any, names: list[str], begin: float | None = None) -> bytes:
        """A certificate of this directory, in PEM."""
        now = datetime.datetime.fromtimestamp(self.wall() if begin is None else begin, datetime.UTC)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake directory")])
        public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey = key
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(seconds=self.life))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM)

    def _chain(self, path: str, payload: Any) -> Reply:
        return Reply(200, {"content-type": "application/pem-certificate-chain"}, self.chain)

    def _ari(self, path: str, payload: Any) -> Reply:
        return self._json(self.window)

    def _json(self, value: Any, status: int = 200) -> Reply:
        return Reply(status, {}, json.dumps(value).encode())
