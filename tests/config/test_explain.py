"""What is said about data of the wrong shape."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.config.case import ConfigCase
from toron.config.explain import suggest
from toron.config.place import Document, Report


class WrongShapes(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_a_misspelt_section(self) -> None:
        self.says(
            """
            listners:
              - {protocol: http, port: 8080}
            """,
            "1:1: unknown key 'listners': did you mean 'listeners'?",
        )

    def test_the_case_of_a_key(self) -> None:
        self.says(
            """
            Listeners:
              - {protocol: tcp, port: 8080, echo: {}}
            """,
            "1:1: unknown key 'Listeners': did you mean 'listeners'?",
        )

    def test_a_key_that_is_nothing_like_another(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: 8080, echo: {}, zzz: 1}
            """,
            "2:43: unknown key 'zzz': known here: name, protocol, transport, address, port, backlog, guards, proxy_protocol, trusted_proxies, http2, encoded_slashes, certificates, tls, redirect_http, timeouts, limits, backend, routes, idle, sessions, retry, responses, echo",
        )

    def test_many_known_words(self) -> None:
        report = Report(Document("a.yaml"))
        known = [f"name-{index}" for index in range(40)]
        self.assertEqual(suggest("nmae-7", known, report), "did you mean 'name-7'?")
        listed = ", ".join(known[:30])
        self.assertEqual(suggest("zzz", known, report), f"known here: {listed} and 10 more")
        self.assertEqual(suggest("zzz", known[:30], report), f"known here: {listed}")

    def test_suggestions_come_to_an_end(self) -> None:
        report = Report(Document("a.yaml"))
        report.comparisons = 2
        self.assertEqual(suggest("nmae", ["name", "x"], report), "did you mean 'name'?")
        self.assertEqual(suggest("nmae", ["name", "x"], report), "known here: name, x")

    def test_a_key_in_the_wrong_place(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - path: /x
                echo: {}
            """,
            "3:5: unknown key 'path': it belongs under match:",
        )

    def test_several_at_once(self) -> None:
        self.says(
            """
            listeners:
              - protocol: htp
                port: 80800
                adress: ::1
              - port: 53
            routes: {}
            log:
              level: loud
            workers: many
            """,
            "2:15: 'htp' is not known here: write http, https, http3, tcp, tls, sni or udp (did you mean 'http'?)",
            "3:11: not a port: write a number from 0 to 65535",
            "4:5: unknown key 'adress': did you mean 'address'?",
            "5:5: the key 'protocol' is missing: add protocol:",
            "6:9: not a list: write a list such as [a, b]",
            "8:10: 'loud' is not known here: write debug, info, warn or error",
            "9:10: not understood: write a number such as 3, or write auto",
        )

    def test_nothing_written(self) -> None:
        self.says(
            """
            listeners:
              - protocol: tcp
                port:
                echo: {}
            routes:
            """,
            "3:10: not a port: write a number from 0 to 65535",
            "5:8: nothing is written here: write a list such as [a, b], or take the key out",
        )

    def test_a_wrong_duration_size_and_share(self) -> None:
        self.says(
            """
            listeners:
              - protocol: http
                port: 8080
                limits: {body: 10x, fields: 0}
                timeouts: {head: 10}
            routes:
              - backend:
                  url: http://127.0.0.1:1
                  retries: {budget: 200%, attempts: 11}
            """,
            "4:20: not a size: write bytes or a unit, such as 64k, 10m, 1g or unlimited",
            "4:33: too small: write a number from 1",
            "5:22: not a duration: write a number with a unit, such as 250ms, 10s, 5m or 1h",
            "9:25: not a share: write a percentage from 0% to 100%",
            "9:41: too large: write a number up to 10",
        )

    def test_a_network_with_bits_beyond_its_prefix(self) -> None:
        self.says(
            """
            listeners:
              - protocol: http
                port: 8080
                trusted_proxies: [10.0.0.1/8, nowhere]
                proxy_protocol: {trusted: []}
            routes: [{echo: {}}]
            """,
            "4:23: the address has bits beyond the prefix: write 10.0.0.0/8",
            "4:35: not an address or network: write one such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32",
            "5:31: too short: write at least 1",
        )

    def test_a_number_where_text_is_wanted(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - name: 12
                match: {host: 5, path: [/a, 7]}
                echo: {}
            """,
            "3:11: not text: put it in quotes",
            "4:19: not text: put it in quotes",
            "4:33: not text: put it in quotes",
        )

    def test_a_backend_that_is_neither_name_nor_mapping(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - backend: 5
              - backend: [a]
              - backend: {servers: [5, {weight: 2}], url: 1}
            """,
            "3:14: not text: put it in quotes",
            "4:14: not text: write one word, or text in quotes",
            "5:25: not a mapping: write keys with values, such as {key: value}",
            "5:28: the key 'url' is missing: add url:",
            "5:47: not text: put it in quotes",
        )

    def test_unions(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {headers: {X-A: [1], X-B: true, X-C: 7}}
                echo: {}
            workers: 1.5
            """,
            "3:28: not understood: write one word, or text in quotes, or write true or false",
            "5:10: not understood: write a number such as 3, or write auto",
        )

    def test_a_mapping_where_a_list_is_wanted(self) -> None:
        self.says(
            "listeners: {protocol: http, port: 8080}\n",
            "1:12: not a list: write a list such as [a, b]",
        )

    def test_no_listeners(self) -> None:
        self.says(
            "listeners: []\n",
            "1:12: too short: write at least 1",
        )

    def test_no_section_of_listeners(self) -> None:
        self.says(
            "log: {level: info}\n",
            "1:1: the key 'listeners' is missing: add listeners:",
        )

    def test_text_for_a_truth_value(self) -> None:
        self.says(
            """
            listeners: [{protocol: tcp, port: 1, backend: b}]
            backends:
              b: {servers: [{url: "tcp://a:1", backup: maybe, weight: 1.5}]}
            """,
            "3:44: not a yes or no: write true or false",
            "3:59: not a whole number: write a number such as 3",
        )

    def test_health_in_the_wrong_form(self) -> None:
        self.says(
            """
            listeners: [{protocol: tcp, port: 1, backend: b}]
            backends:
              b:
                servers: ["tcp://a:1"]
                health: {status: 2000, initial: upp}
            """,
            "5:22: not statuses: write one, a range or several, such as 200, 200-399 or 200,204",
            "5:37: 'upp' is not known here: write up or down (did you mean 'up'?)",
        )
