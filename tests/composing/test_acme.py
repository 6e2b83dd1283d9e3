"""Certificates that renew themselves go on from one composition to the next, and begin when it serves."""

from __future__ import annotations

import builtins
import datetime
from typing import Any

from tests.composing.composed import ComposedCase
from toron import plugin
from toron.compose import Composition, rehearse
from toron.config.load import load
from toron.config.place import Invalid
from toron.core.message import Request
from toron.core.refusal import Refusal
from toron.core.wait import as_deferred
from toron.net.gateway import Gateway
from toron.net.key_pair import self_signed
from toron.wire.clienthello import ClientHello
from toron.wire.headers import Headers

TEXT = """
listeners:
  - {name: plain, protocol: http, port: 80}
  - name: one
    protocol: https
    port: 443
    certificates:
      - {acme: {names: [a.test, b.test], state: s}}
      - {acme: {names: A.test, state: s, challenge: tls-alpn-01}}
      - {acme: {on_demand: {allow: "*.d.test"}, state: s}}
  - name: two
    protocol: tls
    port: 444
    echo: {}
    certificates: [{acme: {names: [a.test, b.test], state: s}}]
routes: [{respond: {}}]
"""


class Compositions(ComposedCase):
    def made(self, text: str = TEXT, before: Composition | None = None) -> Composition:
        found = self.composition(text, before)
        found.acme.settle()
        return found

    def labels(self, composition: Composition) -> list[tuple[str, ...]]:
        assert composition.acme.keeper is not None
        return [each.wanted.names for each in composition.acme.keeper.upkeeps]

    def test_listeners_share_them(self) -> None:
        composition = self.made()
        one, two = composition.certificates.made
        self.assertIs(one.sources[0], two.sources[0])
        self.assertEqual([source.label for source in one.sources], ["a.test", "a.test", "on demand"])
        self.assertEqual((one.demand is None, two.demand is None), (False, True))
        self.assertEqual(self.labels(composition), [("a.test",), ("a.test", "b.test")])

    def test_nothing_is_served_before_there_is_one(self) -> None:
        for each in self.made().certificates.made:
            for name in ("a.test", "x.d.test", ""):
                self.assertIsNone(each.choose(ClientHello(sni=name)))

    def test_they_go_on(self) -> None:
        first = self.made()
        second = self.composition(TEXT.replace("port: 444", "port: 445"), first)
        self.assertIs(second.acme.keeper, first.acme.keeper)
        self.assertEqual(second.certificates.made, first.certificates.made)
        second.acme.settle()
        self.assertEqual(self.labels(second), [("a.test",), ("a.test", "b.test")])

    def test_others_begin_when_it_serves(self) -> None:
        first = self.made()
        second = self.composition(TEXT.replace("A.test", "c.test"), first)
        keeper = first.acme.keeper
        assert keeper is not None
        begun = {each.wanted.names for each in keeper.upkeeps if each.parent is not None}
        self.assertEqual(begun, {("a.test",), ("a.test", "b.test")})
        second.acme.settle()
        self.assertEqual(self.labels(second), [("a.test", "b.test"), ("c.test",)])

    def test_a_composition_that_was_given_up(self) -> None:
        first = self.made()
        self.composition(TEXT.replace("A.test", "c.test"), first)
        first.settle()
        self.assertEqual(self.labels(first), [("a.test",), ("a.test", "b.test")])

    def test_another_allow_list_is_another_demand(self) -> None:
        first = self.made()
        second = self.composition(TEXT.replace("*.d.test", "*.e.test"), first)
        before, after = (each.certificates.made[0] for each in (first, second))
        self.assertIsNot(before, after)
        self.assertIsNot(before.demand, after.demand)

    def test_none_any_more(self) -> None:
        first = self.made()
        second = self.made("listeners: [{protocol: http, port: 80}]\nroutes: [{respond: {}}]", first)
        self.assertEqual(self.labels(second), [])

    def test_none_at_all(self) -> None:
        composition = self.made("listeners: [{protocol: http, port: 80}]\nroutes: [{respond: {}}]")
        self.assertIsNone(composition.acme.keeper)
        self.assertIs(composition.acme.before(composition.config.listeners[0], repr), repr)

    def test_they_are_part_of_the_tree_once(self) -> None:
        composition = self.composition(TEXT)
        root: Any = Gateway(self.reactor, composition.readiness, delay=0.0, limit=0.0, fatal=str)
        composition.acme.attend(root)
        composition.acme.attend(root)
        self.assertEqual([each.name for each in root.services], ["acme"])
        keeper = composition.acme.keeper
        assert keeper is not None
        self.assertEqual(composition.metrics.more.count(keeper.families), 1)
        self.assertEqual(root.draining, [keeper.rest])

    def test_they_rest_when_the_gateway_drains(self) -> None:
        composition = self.composition(TEXT)
        root: Any = Gateway(self.reactor, composition.readiness, delay=0.0, limit=0.0, fatal=str)
        composition.attend(root)
        for told in root.draining:
            told()
        assert composition.acme.keeper is not None
        self.assertTrue(composition.acme.keeper.resting)

    def test_only_plain_http_has_the_answers(self) -> None:
        composition = self.made()
        path = b"/.well-known/acme-challenge/t"
        composition.acme.answers.texts[path] = b"text"
        bodies = {}
        for site in composition.doors.sites.values():
            request = Request(b"GET", path, Headers())
            request.route_path = path
            request.host = b"a.test"
            bodies[site.listener] = self.successResultOf(as_deferred(site.service(request))).body
        self.assertEqual(bodies, {"plain": b"text", "one": b""})

    def test_a_redirect_to_https_stands_behind_them(self) -> None:
        composition = self.made(TEXT.replace("port: 443", "port: 443\n    redirect_http: true"))
        path = b"/.well-known/acme-challenge/t"
        composition.acme.answers.texts[path] = b"text"
        now = datetime.datetime.fromtimestamp(1_800_000_000.0, datetime.UTC)
        composition.certificates.sources[0].serve(self_signed(["a.test", "b.test"], now))
        [site] = [each for each in composition.doors.sites.values() if each.listener == "plain"]
        statuses = []
        for each in (path, path + b"x"):
            request = Request(b"GET", each, Headers())
            request.route_path, request.host, request.asked = each, b"a.test", each
            statuses.append(self.successResultOf(as_deferred(site.service(request))).status)
        self.assertEqual(statuses, [200, 301])

    def test_without_the_extra(self) -> None:
        real = builtins.__import__

        def without(name: str, *rest: Any) -> Any:
            if name == "toron.acme.keeper":
                raise ImportError(name)
            return real(name, *rest)

        self.patch(builtins, "__import__", without)
        error = str(self.assertRaises(Invalid, self.composition, TEXT))
        self.assertIn("a.yaml:8:", error)
        self.assertIn("ACME needs an extra that is not installed here: pip install 'toron[acme]'", error)

    def test_what_would_be_served(self) -> None:
        (self.folder / "b.yaml").write_text(TEXT)
        made = rehearse(load(str(self.folder / "b.yaml"), plugin, {})).entrances["one"].certificates
        assert made is not None
        names = ("b.test", "a.test", "x.d.test", "z.test")
        self.assertEqual([made.which(name) for name in names], [0, 0, 2, None])

    def test_refusals_are_as_before(self) -> None:
        composition = self.made("listeners: [{name: plain, protocol: http, port: 80}]\nroutes: []")
        [site] = composition.doors.sites.values()
        request = Request(b"GET", b"/x", Headers())
        request.route_path = b"/x"
        self.assertRaises(Refusal, site.service, request)
