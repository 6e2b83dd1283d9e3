"""Tests of header values with variables in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import get
from toron.core.client_certificate import ClientCertificate
from toron.core.message import Request
from toron.middleware._variables import VARIABLES, Value
from toron.net.tls import TlsInfo


def request() -> Request:
    made = get(b"/p")
    made.id, made.route = "77", "r"
    return made


class Values(SynchronousTestCase):
    def test_every_variable(self) -> None:
        value = Value(" ".join(f"{{{name}}}" for name in VARIABLES))
        self.assertEqual(value.fill(request()), b"192.0.2.1 app.example 77 GET /p r http     ")
        shown = ClientCertificate("CN=a", "CN=b", ("DNS:c", "DNS:d"), "1f", "ab")
        over_tls = request()
        over_tls.tls = TlsInfo("TLSv1.3", "", "", "", "a", client=shown)
        self.assertEqual(value.fill(over_tls).partition(b"http ")[2], b"ab CN=b DNS:c, DNS:d 1f CN=a")
        self.assertIsNone(value.plain)

    def test_text_around_and_between_them(self) -> None:
        self.assertEqual(Value("a{id}b{id}{id}").fill(request()), b"a77b7777")

    def test_other_braces_are_braces(self) -> None:
        for text, value in (
            ('{"group":"a","n":{"b":1}}', b'{"group":"a","n":{"b":1}}'),
            ("{{path}}", b"{path}"),
            ("{{nonsense}}", b"{nonsense}"),
            ("{}", b"{}"),
            ("{", b"{"),
            ("{path", b"{path"),
            ("{ path }", b"{ path }"),
            ("{path-x}", b"{path-x}"),
            ("{path.x}", b"{path.x}"),
            ("{{client_cert.san}}", b"{client_cert.san}"),
            ("", b""),
            ("  Zoë\t", "Zoë".encode()),
        ):
            with self.subTest(text):
                self.assertEqual(Value(text).plain, value)
                self.assertEqual(Value(text).fill(request()), value)
        self.assertEqual(Value("a{{path}}{path}").fill(request()), b"a{path}/p")

    def test_what_is_refused(self) -> None:
        for text, words in (
            ("a\r\nB: c", "control character"),
            ("a\0", "control character"),
            ("a\x7f", "control character"),
            ("{client}", "did you mean {client_ip}? Write {{client}} for the text itself"),
            ("{wrong}", "there are {client_ip}, {host}"),
            ("{PATH}", "{PATH} is not a variable"),
            ("{client_cert.subjekt}", "did you mean {client_cert.subject}?"),
        ):
            with self.subTest(text):
                self.assertIn(words, str(self.assertRaises(ValueError, Value, text)))

    @given(st.binary(max_size=30), st.text(max_size=10))
    def test_no_request_breaks_a_line(self, path: bytes, route: str) -> None:
        made = get(path)
        made.route = route
        value = Value("{path} {route}").fill(made)
        self.assertFalse(any((byte < 0x20 and byte != 9) or byte == 0x7F for byte in value), value)
