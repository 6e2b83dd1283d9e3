"""Doors lead to what is written, and a second composition finds those of the first."""

from __future__ import annotations

from tests.composing.composed import ComposedCase
from toron.config.place import Invalid
from toron.net.quic_endpoint import QuicEndpoint
from toron.net.quic_sni import QuicListener

TEXT = """
listeners:
  - {protocol: http, port: 80, limits: {body: 5}}
  - {name: own, protocol: https, port: 443, certificates: [{self_signed: a.example}]}
  - {name: quic, protocol: http3, port: 443, certificates: [{self_signed: a.example}]}
  - {name: by-name, protocol: sni, transport: udp, port: 444, backend: far}
  - {name: raw, protocol: tcp, port: 1, backend: db}
routes: [{respond: {}}]
backends: {db: {url: "tcp://127.0.0.1:1"}, far: {url: "udp://127.0.0.1:1"}}
"""


class Doors(ComposedCase):
    def test_what_is_behind_each(self) -> None:
        made = self.composition(TEXT)
        kinds = [type(each).__name__ for each in made.listeners]
        self.assertEqual(kinds, ["StreamListener"] * 2 + ["QuicEndpoint", "QuicListener", "StreamListener"])
        self.assertEqual([each.listener for each in made.listeners][1:], ["own", "quic", "by-name", "raw"])

    def test_sites_stay_with_their_sockets(self) -> None:
        first = self.composition(TEXT)
        text = TEXT.replace(
            "{protocol: http, port: 80, limits: {body: 5}}", "{name: x, protocol: http, port: 80}"
        )
        second = self.composition(text, first)
        place = (False, None, 80, "")
        self.assertIs(second.doors.sites[place], first.doors.sites[place])
        self.assertEqual(second.doors.sites[place].listener, "x")
        other = self.composition(TEXT.replace("port: 80", "port: 8080"), second)
        self.assertEqual(other.doors.sites[(False, None, 8080, "")].body_limit, 5)

    def test_certificates_of_ones_own_stay_as_long_as_they_are_wanted(self) -> None:
        first = self.composition(TEXT)
        second = self.composition(TEXT.replace("port: 80", "port: 81"), first)
        self.assertEqual(
            [id(each) for each in second.certificates.made], [id(each) for each in first.certificates.made]
        )
        third = self.composition(TEXT.replace("a.example", "b.example"), second)
        self.assertIsNot(third.certificates.made[0], second.certificates.made[0])

    def test_a_certificate_file_that_is_gone(self) -> None:
        first = self.composition(TEXT)
        bad = TEXT.replace("{self_signed: a.example}]}\n  - {name: quic", "{cert: x.pem}]}\n  - {name: quic")
        self.assertIn("x.pem", str(self.assertRaises(Invalid, self.composition, bad, first)))

    def test_doors_for_datagrams_take_over_what_is_new(self) -> None:
        first = self.composition(TEXT)
        text = TEXT.replace("name: quic, ", "name: quick, sessions: 7, ").replace(
            "127.0.0.1:1", "127.0.0.1:2"
        )
        second = self.composition(text, first)
        (endpoint,) = [each for each in first.listeners if isinstance(each, QuicEndpoint)]
        (fresh,) = [each for each in second.listeners if isinstance(each, QuicEndpoint)]
        endpoint.switch(fresh)
        self.assertEqual((endpoint.listener, endpoint._most), ("quick", 7))
        self.assertIs(endpoint._serve, fresh._serve)
        (listener,) = [each for each in first.listeners if isinstance(each, QuicListener)]
        (fresh_one,) = [each for each in second.listeners if isinstance(each, QuicListener)]
        listener.switch(fresh_one)
        self.assertIs(listener._router, fresh_one._router)
