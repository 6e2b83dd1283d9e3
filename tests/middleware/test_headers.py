"""Tests of header changes."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, through
from toron.core.message import Middleware
from toron.middleware.headers import Options, make


def headers(options: dict[str, Any]) -> Middleware:
    return make(Options.model_validate(options), environment()[0])


class HeadersTests(SynchronousTestCase):
    def test_at_the_top_both_directions(self) -> None:
        backend = Backend()
        response = through(headers({"set": {"X-Served-By": "toron"}}), get(), backend)
        self.assertEqual(backend.seen[0].headers.get(b"x-served-by"), b"toron")
        self.assertEqual(response.headers.fields, [(b"X-Served-By", b"toron")])

    def test_each_direction_alone(self) -> None:
        backend = Backend((b"Server", b"x"))
        options = {"request": {"add": {"X-In": 1}}, "response": {"remove": "server", "set": {"X-Out": True}}}
        response = through(headers(options), get(), backend)
        self.assertEqual(backend.seen[0].headers.fields[1:], [(b"X-In", b"1")])
        self.assertEqual(response.headers.fields, [(b"X-Out", b"true")])

    def test_set_replaces_add_appends_remove_takes_all(self) -> None:
        backend = Backend((b"a", b"1"), (b"A", b"2"), (b"b", b"3"), (b"B", b"4"), (b"Set-Cookie", b"x=1"))
        options = {"response": {"set": {"A": "9"}, "remove": ["b"], "add": {"Set-Cookie": ["y=2", "z=3"]}}}
        response = through(headers(options), get(), backend)
        self.assertEqual(
            response.headers.fields,
            [(b"A", b"9"), (b"Set-Cookie", b"x=1"), (b"Set-Cookie", b"y=2"), (b"Set-Cookie", b"z=3")],
        )

    def test_removed_before_it_is_added(self) -> None:
        response = through(
            headers({"response": {"remove": ["a"], "add": {"A": "new"}}}), get(), Backend((b"a", b"1"))
        )
        self.assertEqual(response.headers.fields, [(b"A", b"new")])

    def test_variables(self) -> None:
        request = get(b"/p")
        request.id, request.route = "77", "r"
        value = "{client_ip} {host} {method} {path} {scheme} {id} {route}"
        response = through(headers({"response": {"set": {"X": value}}}), request)
        self.assertEqual(response.headers.get(b"x"), b"192.0.2.1 app.example GET /p http 77 r")

    def test_variables_are_of_the_request_as_it_came(self) -> None:
        request = get(b"/before")

        class Rewriting(Backend):
            async def __call__(self, request: Any) -> Any:
                request.path = b"/after"
                return await super().__call__(request)

        response = through(headers({"response": {"set": {"X": "{path}"}}}), request, Rewriting())
        self.assertEqual(response.headers.get(b"x"), b"/before")

    def test_host_of_the_request(self) -> None:
        backend = Backend()
        through(headers({"request": {"set": {"host": "Inner.example.:8080"}}}), get(), backend)
        self.assertEqual(backend.seen[0].headers.get_all(b"host"), [b"Inner.example.:8080"])
        self.assertEqual(backend.seen[0].host, b"inner.example")

    def test_host_without_a_port(self) -> None:
        backend = Backend()
        through(headers({"request": {"set": {"Host": "[2001:db8::1]"}}}), get(), backend)
        self.assertEqual(backend.seen[0].host, b"[2001:db8::1]")

    def test_what_is_refused(self) -> None:
        for options, words in (
            ({"set": {"Content-Length": "1"}}, "where the message ends"),
            ({"request": {"remove": ["transfer-encoding"]}}, "where the message ends"),
            ({"response": {"add": {"Connection": "close"}}}, "single connection"),
            ({"set": {"X Y": "1"}}, "not a header name"),
            ({"remove": [""]}, "not a header name"),
            ({"set": {"X": "a\r\nB: c"}}, "control character"),
            ({"add": {"X": ["ok", "a\n"]}}, "control character"),
            ({"set": {"X": "{client}"}}, "did you mean {client_ip}?"),
            ({"set": {"Host": "x"}}, "request: {set"),
            ({"response": {"set": {"Host": "x"}}}, "request: {set"),
            ({"request": {"add": {"Host": "x"}}}, "exactly one Host"),
            ({"request": {"remove": "Host"}}, "exactly one Host"),
            ({"request": {"set": {"Host": "a/b"}}}, "not a host"),
            ({"sett": {}}, "Extra inputs"),
            ({"request": {"request": {}}}, "Extra inputs"),
        ):
            with self.subTest(options):
                error = self.assertRaises(ValidationError, Options.model_validate, options)
                self.assertIn(words, str(error))

    def test_nothing_to_change(self) -> None:
        response = through(headers({}), get(), Backend((b"a", b"1")))
        self.assertEqual(response.headers.fields, [(b"a", b"1")])
