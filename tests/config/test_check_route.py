"""Ways that a route leads."""

from __future__ import annotations

from tests.config.case import ConfigCase


class Routes(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_no_way_and_two_ways(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {path: /a}
              - {match: {path: /b}, respond: {}, redirect: /c}
              - {match: {path: /c}, echo: }
            """,
            "3:5: this route leads nowhere: add backend:, redirect:, respond: or echo: {}",
            "4:25: there is already redirect: write only one of backend, redirect, respond, echo",
            "5:5: this route leads nowhere: add backend:, redirect:, respond: or echo: {}",
        )

    def test_listeners(self) -> None:
        self.says(
            """
            listeners:
              - {name: web, protocol: http, port: 8080}
              - {name: raw, protocol: tcp, port: 1, echo: {}}
            routes:
              - {match: {path: /a}, listeners: wep, echo: {}}
              - {match: {path: /b}, listeners: [web, raw, zzz], echo: {}}
            """,
            "5:36: unknown listener 'wep': did you mean 'web'?",
            "6:42: the listener 'raw' speaks tcp: routes are for http and https",
            "6:47: unknown listener 'zzz': known here: web, raw",
        )

    def test_redirects(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - {match: {path: "^/a/(.*)/(.*)$"}, redirect: "/$2/$1/$3"}
              - {match: {path: /b}, redirect: {to: "/$1"}}
              - {match: {path: ["^/c/(.*)", /c/d]}, redirect: {host: "$1.example.com"}}
              - {match: {path: /d}, redirect: {status: 301}}
              - {match: {path: /e}, redirect: "x y"}
              - {match: {path: /f}, redirect: {to: "/ä", host: "a b"}}
              - {match: {path: "^/g/(.*)$"}, redirect: {to: "https://example.com/$1", status: 302}}
              - {match: {path: "/h"}, redirect: {scheme: https, port: 443}}
            """,
            "3:49: $3 stands for nothing, the path has 2 groups: write ( ) around that part of ^...",
            "4:40: $1 stands for nothing, the path captures nothing: write ( ) around that part of ^...",
            "5:58: $1 stands for nothing, the path captures nothing: write ( ) around that part of ^...",
            "6:25: this redirect leads nowhere: add to:, scheme:, host: or port:",
            "7:35: 'x y' is not an address: begin with / or https://, in ASCII without spaces",
            "8:40: '/ä' is not an address: begin with / or https://, in ASCII without spaces",
            "8:52: 'a b' is not a host: write a name such as example.com",
        )

    def test_answers(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - {match: {path: /a}, respond: {status: 204, body: x}}
              - {match: {path: /b}, respond: {status: 700}}
              - {match: {path: /c}, respond: {headers: {"a b": x, X: "a\\nb"}}}
            """,
            "3:48: an answer of status 204 has no body: take the body out",
            "4:43: too large: write a number up to 599",
            "5:45: 'a b' is not a header's name: write letters, digits and -",
            "5:58: a header's value is one line: take the control characters out",
        )
