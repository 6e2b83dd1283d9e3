"""Directories over real connections: good, slow, dead, too talkative, and not who they say they are."""

from __future__ import annotations

from typing import ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, CertificateOptions, KeyPair, PrivateCertificate
from twisted.trial.unittest import TestCase

from tests.loopback.authority import Authority
from toron.acme.failure import AcmeFailed
from toron.acme.https import LARGEST, Https, Reply
from toron.core.wait import as_deferred


class Canned(Protocol):
    """Answers each request with the same bytes."""

    def __init__(self, case: Directories) -> None:
        self.case = case
        self.data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        head, mark, body = self.data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if mark and len(body) >= length and self.case.answer is not None:
            self.case.asked.append((head, body))
            self.transport.write(self.case.answer)  # type: ignore[union-attr]
            self.transport.loseConnection()  # type: ignore[union-attr]


class Directories(TestCase):
    authority: ClassVar[Authority]
    answer: bytes | None = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nReplay-Nonce: n1\r\n\r\nhi"

    async def setUp(self) -> None:
        self.authority = Authority()
        self.addCleanup(self.authority.close)
        self.asked: list[tuple[bytes, bytes]] = []
        await self.listen("127.0.0.1")

    async def listen(self, name: str) -> None:
        pair = self.authority.issue(name)
        key = KeyPair.load(pair.key.read_bytes(), 1)
        certificate = Certificate.loadPEM(pair.cert.read_bytes())
        own = PrivateCertificate.fromCertificateAndKeyPair(certificate, key)
        options = CertificateOptions(own.privateKey.original, own.original)
        factory = Factory.forProtocol(lambda: Canned(self))
        factory.noisy = False
        port = await SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        self.url = f"https://127.0.0.1:{port.getHost().port}/dir"

    def ask(
        self, body: bytes | None = None, seconds: float = 20.0, ca: bytes | None = None
    ) -> Deferred[Reply]:
        https = Https(reactor, self.authority.ca.read_bytes() if ca is None else ca, seconds)
        return as_deferred(https("GET" if body is None else "POST", self.url, body))

    async def why(self, seconds: float = 20.0, ca: bytes | None = None) -> str:
        try:
            await self.ask(seconds=seconds, ca=ca)
        except AcmeFailed as error:
            self.assertEqual(error.word, "directory")
            return str(error).replace(self.url, "URL")
        raise AssertionError("there was an answer")

    async def test_an_answer(self) -> None:
        reply = await self.ask()
        self.assertEqual((reply.status, reply.body, reply.fields["replay-nonce"]), (200, b"hi", "n1"))
        [(head, _)] = self.asked
        self.assertTrue(head.startswith(b"GET /dir HTTP/1.1\r\n"))
        self.assertIn(b"User-Agent: toron/", head)

    async def test_a_body(self) -> None:
        await self.ask(b"{}")
        [(head, body)] = self.asked
        self.assertIn(b"Content-Type: application/jose+json", head)
        self.assertEqual(body, b"{}")

    async def test_a_redirect_is_an_answer_too(self) -> None:
        self.answer = b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        self.assertEqual((await self.ask()).status, 302)

    async def test_one_that_is_slow(self) -> None:
        self.answer = None
        self.assertEqual(await self.why(0.1), "URL did not answer within 0.1 s")

    async def test_one_that_is_slow_in_the_middle(self) -> None:
        self.answer = None
        self.patch(Canned, "connectionMade", lambda self: self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"))  # fmt: skip
        self.assertEqual(await self.why(0.3), "URL did not answer within 0.3 s")

    async def test_one_that_says_too_much(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LARGEST + 1)
        self.assertEqual(await self.why(), f"the answer of URL is longer than {LARGEST} bytes")

    async def test_one_that_ends_early(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        self.assertIn("URL can not be asked: ", await self.why())

    async def test_one_that_speaks_something_else(self) -> None:
        self.answer = b"220 mail.test ESMTP\r\n"
        self.assertIn("URL can not be asked: ", await self.why())

    async def test_one_that_nobody_vouches_for(self) -> None:
        other = Authority(name="another")
        self.addCleanup(other.close)
        for ca in (other.ca.read_bytes(), b""):
            self.assertEqual(await self.why(ca=ca), "URL can not be asked: certificate verify failed")

    async def test_one_with_another_name(self) -> None:
        await self.listen("ca.test")
        self.assertIn("URL can not be asked: ", await self.why())

    async def test_one_that_is_dead(self) -> None:
        self.url = "https://127.0.0.1:1/dir"
        self.assertIn("URL can not be asked: Connection was refused", await self.why())

    def test_an_authority_of_no_use(self) -> None:
        good = self.authority.ca.read_bytes()
        for ca in (b"garbage", good[:200], good.replace(b"MII", b"MIX")):
            self.assertRaises(ValueError, Https, reactor, ca)
        Https(reactor, good + good)
