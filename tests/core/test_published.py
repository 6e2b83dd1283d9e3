"""What a new set of servers changes, and what it leaves as it was."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.core.published import Difference, compare
from toron.core.server import Server


def made(*hosts: str, weight: int = 1) -> list[Server]:
    return [Server(f"http://{host}", weight) for host in hosts]


def hosts(servers: list[Server]) -> str:
    return "".join(server.host for server in servers)


class Comparing(SynchronousTestCase):
    def setUp(self) -> None:
        self.known = made("a", "b", "c")

    def shown(self, found: Difference) -> tuple[str, str, str, bool]:
        return hosts(found.servers), hosts(found.came), hosts(found.gone), found.news

    def test_nothing_is_new(self) -> None:
        found = compare(self.known, (), made("a", "b", "c"))
        self.assertEqual(self.shown(found), ("abc", "", "", False))
        self.assertTrue(all(one is other for one, other in zip(found.servers, self.known, strict=True)))

    def test_they_come_and_go(self) -> None:
        found = compare(self.known, (), made("d", "b"))
        self.assertEqual(self.shown(found), ("db", "d", "ac", True))
        self.assertIs(found.servers[1], self.known[1])

    def test_the_order_is_news(self) -> None:
        self.assertEqual(self.shown(compare(self.known, (), made("c", "a", "b"))), ("cab", "", "", True))

    def test_what_is_said_of_a_server_is_taken_over(self) -> None:
        said = made("a", "b", "c")
        said[0].weight, said[1].backup, said[2].tls_name = 5, 2, "x.example"
        found = compare(self.known, (), said)
        self.assertEqual(self.shown(found), ("abc", "", "", True))
        a, b, c = self.known
        self.assertEqual((a.weight, b.backup, c.tls_name), (5, 2, "x.example"))
        self.assertFalse(compare(self.known, (), said).news, "said twice")

    def test_a_url_is_one_server_however_it_is_written(self) -> None:
        found = compare([Server("http://a")], (), [Server("HTTP://A:80"), Server("http://a:80", 7)])
        self.assertEqual(self.shown(found), ("a", "", "", False))
        self.assertEqual(found.servers[0].weight, 1, "the first of two counts")

    def test_another_scheme_is_another_server(self) -> None:
        found = compare(self.known, (), [Server("http://a"), Server("h2c://a")])
        self.assertEqual((hosts(found.came), hosts(found.gone)), ("a", "bc"))

    def test_one_that_is_leaving_comes_back(self) -> None:
        [leaving] = made("z")
        found = compare(self.known, [leaving], made("a", "b", "c", "z"))
        self.assertEqual(self.shown(found), ("abcz", "z", "", True))
        self.assertIs(found.came[0], leaving)

    def test_no_servers(self) -> None:
        self.assertEqual(self.shown(compare(self.known, (), ())), ("", "", "abc", True))
