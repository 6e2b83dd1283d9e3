"""What a listener needs, and what it may not have."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.config.case import ConfigCase


class Listeners(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_port_clashes(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: 8080, echo: {}}
              - {protocol: tls, port: 8080, address: 127.0.0.1, certificates: [{self_signed: a.b}], echo: {}}
              - {protocol: udp, port: 8080, echo: {}}
              - {name: x, protocol: udp, port: 8080, address: "::1", echo: {}}
              - {name: y, protocol: tcp, port: 9901, address: 127.0.0.1, echo: {}}
            admin: {}
            """,
            "3:27: port 8080 is already taken by 'tcp-8080' at line 2: write another port or address",
            "3:69: warning: for development: clients do not trust a self-signed certificate",
            "5:36: port 8080 is already taken by 'udp-8080' at line 4: write another port or address",
            "6:36: port 9901 is already taken by 'admin' at line 7: write another port or address",
        )

    def test_ports_that_do_not_clash(self) -> None:
        self.says(
            """
            listeners:
              - {name: a, protocol: tcp, port: 1, address: 127.0.0.1, echo: {}}
              - {name: b, protocol: tcp, port: 1, address: 127.0.0.2, echo: {}}
              - {name: c, protocol: tcp, port: 1, address: "::1", echo: {}}
              - {name: d, protocol: udp, port: 1, address: 127.0.0.1, echo: {}}
              - {name: e, protocol: tcp, port: 0, echo: {}}
              - {name: f, protocol: tcp, port: 0, echo: {}}
            """,
        )

    def test_a_wildcard_clashes_with_its_version(self) -> None:
        self.says(
            """
            listeners:
              - {name: a, protocol: tcp, port: 1, address: 0.0.0.0, echo: {}}
              - {name: b, protocol: tcp, port: 1, address: "::1", echo: {}}
              - {name: c, protocol: tcp, port: 1, address: 10.0.0.1, echo: {}}
            """,
            "4:36: port 1 is already taken by 'a' at line 2: write another port or address",
        )

    def test_the_same_name_twice(self) -> None:
        self.says(
            """
            listeners:
              - {name: web, protocol: tcp, port: 1, echo: {}}
              - {name: web, protocol: tcp, port: 2, echo: {}}
              - {protocol: tcp, port: 0, echo: {}}
              - {protocol: tcp, port: 0, echo: {}}
            """,
            "3:12: the listener at line 2 is called 'web' too: give one of them another name:",
            "5:5: the listener at line 4 is called 'tcp-0' too: give one of them another name:",
        )

    def test_no_address(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: 1, address: localhost, echo: {}}
            """,
            "2:39: 'localhost' is not an IP address: write one such as 127.0.0.1 or ::1",
        )

    def test_certificates_where_none_belong(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: https, port: 1}
              - {protocol: tls, port: 2, echo: {}}
              - {protocol: http, port: 3, certificates: [{cert: a, key: b}], tls: {policy: modern}}
              - {protocol: sni, port: 4, certificates: [{cert: a, key: b}], backend: {url: "tcp://a:1"}}
            routes: [{echo: {}}]
            """,
            "2:5: an https listener needs certificates: add certificates: [{cert: ..., key: ...}]",
            "3:5: a tls listener needs certificates: add certificates: [{cert: ..., key: ...}]",
            "4:31: only https, http3 and tls listeners have certificates: take it out",
            "4:66: only https, http3 and tls listeners terminate TLS: take it out",
            "5:30: only https, http3 and tls listeners have certificates: take it out",
        )

    def test_layer_4_keys_on_http(self) -> None:
        self.says(
            """
            listeners:
              - protocol: http
                port: 1
                backend: api
                routes: [{backend: api}]
                echo: {}
                idle: 3s
                sessions: 5
            backends:
              api: {url: "tcp://a:1"}
            routes: [{respond: {}}]
            """,
            "4:5: an http listener is led by routes: write it in a route under routes:",
            "5:5: an http listener is led by the routes at the top of the file: write them there",
            "6:5: an http listener has no echo of its own: write a route with echo: {}",
            "7:5: an http listener has no idle: write timeouts: {keepalive: ...}",
            "8:5: only listeners over udp have sessions: take it out",
        )

    def test_stream_keys_on_udp(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: udp, port: 1, echo: {}, backlog: 5, proxy_protocol: {trusted: 10.0.0.0/8}, timeouts: {}, limits: {}, trusted_proxies: [], tls: {}}
            """,
            "2:40: a udp listener has no backlog: take it out",
            "2:52: a udp listener cannot receive PROXY headers: take it out",
            "2:91: a udp listener has no timeouts but idle: write idle:",
            "2:105: only http, https and http3 listeners have request limits: take it out",
            "2:117: only http, https and http3 listeners read forwarded headers: take it out",
            "2:138: only https, http3 and tls listeners terminate TLS: take it out",
        )

    def test_http3(self) -> None:
        """Beside https at the same port; and with all that it has not."""
        self.says(
            """
            listeners:
              - {protocol: https, port: 443, certificates: [{self_signed: a.b}]}
              - {protocol: http3, port: 443, certificates: [{self_signed: a.b}], retry: always, sessions: 5, limits: {body: 1m}, timeouts: {head: 5s}}
              - {protocol: udp, port: 443, echo: {}}
              - {protocol: http3, port: 444}
              - {protocol: http3, port: 445, certificates: [{self_signed: a.b}], backlog: 5, proxy_protocol: {trusted: 10.0.0.0/8}, http2: true, idle: 3s}
              - {protocol: https, port: 446, certificates: [{self_signed: a.b}], retry: auto}
              - {name: x, protocol: http3, port: 447, certificates: [{self_signed: a.b}], retry: never}
            routes: [{echo: {}}]
            """,
            "2:50: warning: for development: clients do not trust a self-signed certificate",
            "3:50: warning: for development: clients do not trust a self-signed certificate",
            "4:27: port 443 is already taken by 'http3-443' at line 3: write another port or address",
            "5:5: an http3 listener needs certificates: add certificates: [{cert: ..., key: ...}]",
            "6:50: warning: for development: clients do not trust a self-signed certificate",
            "6:70: an http3 listener has no backlog: take it out",
            "6:82: an http3 listener cannot receive PROXY headers: take it out",
            "6:121: only http and https listeners speak HTTP/2: take it out",
            "6:134: an http3 listener has no idle: write timeouts: {keepalive: ...}",
            "7:50: warning: for development: clients do not trust a self-signed certificate",
            "7:70: only http3 listeners have a retry: take it out",
            "8:86: 'never' is not known here: write auto or always",
        )

    def test_sni_over_udp(self) -> None:
        """With what it needs, beside one over tcp at the same port; and with all that it has not."""
        self.says(
            """
            listeners:
              - {protocol: sni, port: 443, routes: [{match: {sni: a.b}, backend: {url: "tcp://a:1"}}]}
              - {protocol: sni, transport: udp, port: 443, idle: 2m, sessions: 5, timeouts: {handshake: 5s}, backend: quic}
              - {protocol: sni, transport: udp, port: 443, backend: {url: "tcp://a:1"}}
              - {protocol: sni, transport: udp, port: 444, echo: {}, responses: 1, backlog: 5, proxy_protocol: {trusted: 10.0.0.0/8}, certificates: []}
              - {protocol: sni, transport: quic, port: 445, backend: quic}
              - {protocol: udp, transport: udp, port: 446, echo: {}}
            backends:
              quic: {url: "udp://a:1"}
            """,
            "4:5: the listener at line 3 is called 'sni-udp-443' too: give one of them another name:",
            "4:43: port 443 is already taken by 'sni-udp-443' at line 3: write another port or address",
            "4:57: its servers (line 4) are tcp: udp is needed here, correct one of the two",
            "5:48: an sni listener has no echo of its own: write a backend or routes",
            "5:58: only udp listeners count responses: take it out",
            "5:72: an sni over udp listener has no backlog: take it out",
            "5:84: an sni over udp listener cannot receive PROXY headers: take it out",
            "5:123: only https, http3 and tls listeners have certificates: take it out",
            "6:32: 'quic' is not known here: write tcp or udp",
            "7:21: only sni listeners choose, this one has its own: take it out",
        )

    def test_protocols_of_the_other_transport(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: sni, port: 1, routes: [{match: {alpn: [h2, h3]}, backend: {url: "tcp://a:1"}}]}
              - {protocol: sni, transport: udp, port: 1, routes: [{match: {alpn: [h3, doq, h2]}, backend: {url: "udp://a:1"}}]}
            """,
            "2:59: warning: h3 is spoken over udp: nobody asks for it here",
            "3:80: warning: h2 is spoken over tcp: nobody asks for it here",
        )

    def test_nowhere_to_go(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: 1}
              - {protocol: udp, port: 1, routes: []}
              - {protocol: sni, port: 2, echo: {}}
            """,
            "2:5: this tcp listener leads nowhere: add backend:, routes: or echo: {}",
            "3:5: this udp listener leads nowhere: add backend: or echo: {}",
            "4:30: an sni listener has no echo of its own: write a backend or routes",
        )

    def test_datagrams_have_no_routes(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: udp, port: 1, routes: [{match: {client_ip: 10.0.0.0/8}, backend: dns}]}
            backends:
              dns: {url: "udp://a:1"}
            """,
            "2:30: a udp listener has no routes, datagrams show nothing to choose by: write backend:",
        )

    def test_two_ways_to_go(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: 1, backend: db, echo: {}}
              - {protocol: sni, port: 2, backend: db, routes: [{backend: db}]}
            backends:
              db: {url: "tcp://a:1"}
            """,
            "2:43: there is already backend: write only one of backend:, routes: or echo: {}",
            "3:43: there is already backend: write only one of backend: or routes:",
        )

    def test_names_where_none_are_seen(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: 1, routes: [{match: {sni: a.b, alpn: [h2]}, backend: db}]}
              - {protocol: sni, port: 2, routes: [{match: {sni: ["*", "a b", "", "*.x.y"]}, backend: db}]}
              - {protocol: sni, port: 3, routes: [{backend: db}, {match: {sni: a.b}, backend: db}]}
            backends:
              db: {url: "tcp://a:1"}
            """,
            "2:48: a tcp listener does not see sni: use protocol sni or tls",
            "2:58: a tcp listener does not see alpn: use protocol sni or tls",
            "3:54: '*' is no host: leave host out to match every one, or write *.example.com",
            "3:59: 'a b' is not a host: write a name such as example.com or *.example.com",
            "4:54: warning: never asked: the route before it takes every connection",
        )
