"""Requests are tried again where that is safe, and never so often that it does harm."""

from __future__ import annotations

import time
from collections import Counter

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    free_port,
    raw_exchange,
)
from tests.loopback.web import answer, ask, metric

CONFIG = """
listeners: [{{protocol: http, address: 127.0.0.1, port: @PORT@}}]
routes: [{{backend: web}}]
backends:
  web:
    servers: [{servers}]
    retries: {{{retries}}}
    timeouts: {{response: 300ms, connect: 1s}}
admin: {{port: @ADMIN@}}
access_log: "@FOLDER@/access.log"
"""

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


class Retries(LoopbackTestCase):
    """Backends in turn, the bad one first."""

    def serve(self, *ports: int, retries: str = "attempts: 2") -> Gateway:
        servers = ", ".join(f'"http://127.0.0.1:{port}"' for port in ports)
        return self.start(Gateway(CONFIG.format(servers=servers, retries=retries)))

    def reset(self, conversation: Conversation) -> None:
        conversation.read_request()
        conversation.reset()

    def good(self) -> CountingBackend:
        return self.start(CountingBackend(answer("good")))

    def test_one_of_two_refuses_and_no_client_sees_it(self) -> None:
        gateway = self.serve(free_port(), self.good().port)
        self.assertEqual(Counter(ask(gateway.port).status for _ in range(200)), {200: 200})
        self.assertEqual(Counter(line["status"] for line in gateway.access(200)), {200: 200})

    def test_posts_too_for_nothing_of_them_was_sent(self) -> None:
        gateway = self.serve(free_port(), self.good().port)
        got = [ask(gateway.port, method="POST", body=b"x" * 1000).status for _ in range(20)]
        self.assertEqual(got, [200] * 20)

    def test_both_dead_and_few_retries(self) -> None:
        gateway = self.serve(free_port(), free_port())
        got = Counter(ask(gateway.port).status for _ in range(100))
        self.assertEqual(sum(got.values()), 100)
        self.assertLessEqual(set(got), {502, 503})
        retries = metric(gateway.ports["ADMIN"], "toron_retries_total", backend="web")
        self.assertGreater(retries, 0)
        self.assertLessEqual(retries, 20 + 2)  # that a server is down is news once for each

    def test_the_budget_counts_resets(self) -> None:
        bad = [self.start(CountingBackend(self.reset)) for _ in range(2)]
        gateway = self.serve(*[each.port for each in bad], retries="attempts: 2, budget: 10%")
        got = Counter(ask(gateway.port).status for _ in range(100))
        self.assertEqual(got, {502: 100})
        self.assertLessEqual(sum(each.connections for each in bad), 111)
        self.assertLessEqual(metric(gateway.ports["ADMIN"], "toron_retries_total", backend="web"), 11)

    def test_no_budget_no_retry(self) -> None:
        bad = self.start(CountingBackend(self.reset))
        gateway = self.serve(bad.port, self.good().port, retries="attempts: 2, budget: 0%")
        self.assertEqual([ask(gateway.port).status for _ in range(4)], [502, 200, 502, 200])

    def test_a_reset_before_the_answer(self) -> None:
        bad = self.start(CountingBackend(self.reset))
        gateway = self.serve(bad.port, self.good().port)
        got = ask(gateway.port)
        self.assertEqual((got.status, bad.connections), (200, 1))
        (line,) = gateway.access(1)
        self.assertEqual((line["status"], line["retries"]), (200, 1))

    def test_a_post_that_was_sent_is_not_sent_twice(self) -> None:
        bad, good = self.start(CountingBackend(self.reset)), self.good()
        gateway = self.serve(bad.port, good.port)
        self.assertEqual(ask(gateway.port, method="POST", body=b"pay").status, 502)
        self.assertEqual((bad.connections, good.connections), (1, 0))

    def test_a_post_where_the_configuration_says_so(self) -> None:
        bad, good = self.start(CountingBackend(self.reset)), self.good()
        gateway = self.serve(bad.port, good.port, retries="methods: [POST]")
        # In one write: a body that comes after its head is not kept.
        said = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\npay"
        self.assertIn(b" 200 ", raw_exchange(gateway.port, said))
        self.assertIn(b"\r\n\r\npay", good.conversations[0].received)

    def test_a_body_too_large_to_keep(self) -> None:
        bad, good = self.start(CountingBackend(self.reset)), self.good()
        gateway = self.serve(bad.port, good.port, retries="body: 1k")
        self.assertEqual(ask(gateway.port, method="PUT", body=b"x" * 2000).status, 502)
        self.assertEqual(good.connections, 0)

    def test_a_body_that_is_kept(self) -> None:
        bad, good = self.start(CountingBackend(self.reset)), self.good()
        gateway = self.serve(bad.port, good.port)
        # In one piece: only a body that is here when the server is asked is kept.
        head = b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2000\r\n\r\n"
        said = raw_exchange(gateway.port, head + b"x" * 2000)
        self.assertTrue(said.startswith(b"HTTP/1.1 200 "), said)
        self.assertTrue(good.conversations[0].received.endswith(b"\r\n\r\n" + b"x" * 2000))

    def test_never_after_the_first_byte(self) -> None:
        def half(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(CHUNKED)
            conversation.reset()

        bad, good = self.start(CountingBackend(half)), self.good()
        gateway = self.serve(bad.port, good.port)
        got = raw_exchange(gateway.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"hello", got)
        self.assertNotIn(b"good", got)
        self.assertFalse(got.endswith(b"0\r\n\r\n"), "half of it must not look whole")
        self.assertEqual(good.connections, 0)

    def test_a_server_that_does_not_answer(self) -> None:
        slow = self.start(CountingBackend(lambda conversation: conversation.wait(3)))
        gateway = self.serve(slow.port, self.good().port)
        began = time.monotonic()
        self.assertEqual(ask(gateway.port).status, 200)
        self.assertLess(time.monotonic() - began, 1.5)

    def test_on_a_status(self) -> None:
        bad, good = self.start(CountingBackend(answer("no", 503))), self.good()
        gateway = self.serve(bad.port, good.port, retries="on: [502, 503]")
        self.assertEqual([ask(gateway.port).text for _ in range(2)], ["good", "good"])
        self.assertEqual(ask(gateway.port, method="POST", body=b"x").text, "no", "it was sent")

    def test_a_server_that_asks_to_be_left_alone(self) -> None:
        busy, good = self.start(CountingBackend(answer("no", 503, "Retry-After: 30"))), self.good()
        gateway = self.serve(busy.port, good.port, retries="on: [503]")
        self.assertEqual([ask(gateway.port).text for _ in range(6)], ["good"] * 6)
        self.assertEqual(len(busy.conversations), 1)
        self.assertIn(b"\r\nX-Retry-Count: 1\r\n", good.conversations[0].received)

    def test_the_answer_of_the_last_one(self) -> None:
        bad = [self.start(CountingBackend(answer(letter, 503))) for letter in "abc"]
        gateway = self.serve(*[each.port for each in bad], retries="on: [503], attempts: 3, budget: 100%")
        first = [ask(gateway.port, method="POST", body=b"x").text for _ in range(6)]
        self.assertEqual(first, [*"abcabc"], "now there is a budget")
        self.assertEqual(ask(gateway.port)[::2], (503, b"c"))
        self.assertEqual(gateway.access(7)[-1]["retries"], 2)
