"""Middlewares stand before the answer in the order they are written, and curl sees what they did."""

from __future__ import annotations

from tests.loopback.peers import Conversation, CountingBackend, Gateway, LoopbackTestCase, raw_exchange
from tests.loopback.web import answer, ask

CONFIG = """
listeners: [{{protocol: http, address: 127.0.0.1, port: @PORT@}}]
routes:
  - {{match: {{path: /limited}}, middlewares: [{{rate-limit: {{rate: 10/m}}}}], backend: web}}
  - match: {{path: /limited-by-key}}
    middlewares: [{{rate-limit: {{rate: 1/m, key: "header:x-key"}}}}]
    backend: web
  - match: {{path: /small}}
    middlewares: [{{body-limit: 10}}]
    backend: web
  - match: {{path: /headers}}
    middlewares:
      - headers:
          set: {{X-Served-By: toron}}
          request: {{set: {{X-Client: "{{client_ip}}"}}, remove: [X-Secret]}}
          response: {{set: {{X-Frame-Options: DENY}}, remove: [Server]}}
    backend: web
  - match: {{path: /own}}
    middlewares: [{{headers: {{response: {{add: {{X-Extra: [one, two]}}}}}}}}]
    respond: {{body: own, headers: {{X-Extra: zero}}}}
  - match: {{path: /order/1}}
    middlewares: [{{body-limit: 10}}, named-limit]
    backend: web
  - match: {{path: /order/2}}
    middlewares: [named-limit, {{body-limit: 10}}]
    backend: web
  - {{backend: web}}
backends:
  web: {{url: "http://127.0.0.1:{port}"}}
middlewares:
  named-limit: {{type: rate-limit, rate: 1/h}}
access_log: "@FOLDER@/access.log"
"""


class Middlewares(LoopbackTestCase):
    """A backend that answers with the head it got."""

    def setUp(self) -> None:
        self.backend = self.start(CountingBackend(self.talk))
        self.gateway = self.start(Gateway(CONFIG.format(port=self.backend.port)))

    def talk(self, conversation: Conversation) -> None:
        while True:
            head, _ = conversation.read_request()
            conversation.send(answer(head, 200, "Server: secretive/1.0"))

    def test_the_eleventh_of_ten(self) -> None:
        got = [ask(self.gateway.port, "/limited") for _ in range(11)]
        self.assertEqual([each.status for each in got], [200] * 10 + [429])
        self.assertEqual(got[-1].headers["retry-after"], "6")
        self.assertEqual(got[0].headers["ratelimit-limit"], "10")
        self.assertEqual([each.headers["ratelimit-remaining"] for each in got[8:]], ["1", "0", "0"])
        self.assertEqual(ask(self.gateway.port, "/limited", source="127.0.0.2").status, 200)
        line = self.gateway.access(12)[10]
        self.assertEqual(
            (line["reason"], line["middleware"], line["status"]), ("rate_limited", "rate-limit", 429)
        )

    def test_a_limit_for_each_key(self) -> None:
        def status(key: str) -> int:
            return ask(self.gateway.port, "/limited-by-key", headers={"X-Key": key}).status

        self.assertEqual([status("a"), status("b"), status("a"), status("b")], [200, 200, 429, 429])

    def test_a_body_whose_length_is_known_is_refused_before_the_backend_is_asked(self) -> None:
        self.assertEqual(ask(self.gateway.port, "/small", method="POST", body=b"x" * 10).status, 200)
        self.assertEqual(ask(self.gateway.port, "/small", method="POST", body=b"x" * 11).status, 413)
        self.assertEqual(self.backend.connections, 1)

    def test_a_body_whose_length_is_not_known(self) -> None:
        head = b"POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        got = raw_exchange(self.gateway.port, head + b"5\r\nhello\r\n0\r\n\r\n")
        self.assertIn(b"200 OK", got)
        got = raw_exchange(self.gateway.port, head + b"5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n")
        self.assertIn(b"413 ", got)

    def test_headers_both_ways(self) -> None:
        got = ask(self.gateway.port, "/headers", headers={"X-Secret": "1", "X-Client": "liar"})
        self.assertIn("X-Served-By: toron\r\n", got.text)
        self.assertIn("X-Client: 127.0.0.1\r\n", got.text)
        self.assertNotIn("X-Secret", got.text)
        self.assertNotIn("liar", got.text)
        self.assertEqual((got.headers["x-served-by"], got.headers["x-frame-options"]), ("toron", "DENY"))
        self.assertNotIn("server", got.headers)

    def test_what_is_added_to_one_answer_is_not_in_the_next(self) -> None:
        request = b"GET /own HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for _ in range(3):
            got = raw_exchange(self.gateway.port, request)
            fields = [line for line in got.split(b"\r\n") if line.startswith(b"X-Extra: ")]
            self.assertEqual(fields, [b"X-Extra: zero", b"X-Extra: one", b"X-Extra: two"])

    def test_the_first_one_that_refuses_is_the_one_that_is_named(self) -> None:
        for path in ("/order/1", "/order/2"):
            ask(self.gateway.port, path)
            ask(self.gateway.port, path, method="POST", body=b"x" * 11)
        seen = [(line["path"], line["status"], line.get("middleware")) for line in self.gateway.access(4)]
        self.assertEqual(
            seen,
            [
                ("/order/1", 200, None),
                ("/order/1", 413, "body-limit"),
                ("/order/2", 429, "named-limit"),
                ("/order/2", 429, "named-limit"),
            ],
        )
