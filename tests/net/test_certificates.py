"""Certificates by name and by what a client can verify, while they are replaced."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import p256, with_rsa
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates, Served
from toron.net.key_pair import KeyPair
from toron.wire.clienthello import ClientHello

NEW = {"versions": (0x0304,), "suites": (0x1301,)}


def made(*pairs: KeyPair | None, strict: bool = True) -> Certificates:
    """Those of a listener."""
    return Certificates([Source(pair) for pair in pairs], "modern", (b"h2",), strict)


class CertificatesTestCase(SynchronousTestCase):
    def chosen(self, certificates: Certificates, *names: str) -> list[int | None]:
        """The places of what answers to these names."""
        return [certificates.which(name) for name in names]


class Names(CertificatesTestCase):
    """Which certificate answers to which name."""

    def test_exact_then_wildcard_then_none(self) -> None:
        found = made(p256("a.test"), p256("*.b.test"), p256("x.b.test"))
        self.assertEqual(self.chosen(found, "a.test", "y.b.test", "x.b.test"), [0, 1, 2])
        self.assertEqual(self.chosen(found, "b.test", "z.y.b.test", "a", "*.b.test"), [None] * 3 + [1])

    def test_no_name_is_the_first(self) -> None:
        self.assertEqual(self.chosen(made(p256("a.test"), p256("b.test")), ""), [0])
        self.assertEqual(self.chosen(made(p256("*.a.test"), p256("b.test")), ""), [0])
        self.assertEqual(self.chosen(made(None, p256("b.test")), ""), [1])

    def test_an_unknown_name_where_not_strict(self) -> None:
        self.assertEqual(self.chosen(made(p256("a.test"), p256("b.test"), strict=False), "c.test"), [0])

    def test_the_first_that_has_a_name_keeps_it(self) -> None:
        self.assertEqual(self.chosen(made(p256("a.test", "c.test"), p256("c.test")), "c.test"), [0])

    def test_letters_of_a_certificate_may_be_large(self) -> None:
        self.assertEqual(self.chosen(made(p256("A.Test")), "a.test"), [0])

    def test_nothing_to_serve_yet(self) -> None:
        self.assertEqual(self.chosen(made(None, strict=False), "a.test", ""), [None, None])


class Kinds(CertificatesTestCase):
    """Several certificates for one name."""

    def schemes(self, certificates: Certificates, *schemes: int, name: str = "a.test") -> int | None:
        """The place of what a client is served that verifies these."""
        found = certificates.choose(ClientHello(sni=name, schemes=schemes, **NEW))
        assert found is not None and found.source is not None
        return certificates.sources.index(found.source)

    def test_what_the_client_verifies(self) -> None:
        for first, second, ecdsa in ((with_rsa(), p256(), 1), (p256(), with_rsa(), 0)):
            both = made(first, second)
            self.assertEqual(self.schemes(both, 0x0403, 0x0804), ecdsa)
            self.assertEqual(self.schemes(both, 0x0804, 0x0403), ecdsa)
            self.assertEqual(self.schemes(both, 0x0804), 1 - ecdsa)
            self.assertEqual(self.schemes(both, 0x0807), ecdsa)
            self.assertEqual(self.schemes(both, 0x0804, name=""), 1 - ecdsa)

    def test_each_name_by_itself(self) -> None:
        some = made(with_rsa("a.test", "*.w.test"), p256("a.test"), p256("*.w.test"))
        self.assertEqual(self.schemes(some, 0x0403, 0x0804), 1)
        self.assertEqual(self.schemes(some, 0x0403, 0x0804, name="x.w.test"), 2)
        self.assertEqual(self.schemes(some, 0x0804, name="x.w.test"), 0)


class Changes(CertificatesTestCase):
    """What happens while it serves."""

    def served(self, certificates: Certificates, name: str) -> Served:
        """What answers to a name."""
        found = certificates.choose(ClientHello(sni=name))
        assert found is not None
        return found

    def test_a_new_pair_is_served_at_once(self) -> None:
        source = Source(p256("a.test"))
        here = Certificates([source, Source(p256("b.test"))], "modern", (), True)
        there = Certificates([source], "modern", (), True)
        before = self.served(here, "a.test")
        source.serve(p256("a.test", "c.test"))
        for each in (here, there):
            after = self.served(each, "c.test")
            self.assertIsNot(after.context, before.context)
            self.assertEqual(after.pair, source.pair)
        self.assertEqual(self.chosen(here, "a.test", "b.test", ""), [0, 1, 0])

    def test_names_that_it_has_no_more(self) -> None:
        source = Source(p256("a.test", "c.test"))
        found = Certificates([source], "modern", (), True)
        source.serve(p256("a.test"))
        self.assertEqual(self.chosen(found, "a.test", "c.test"), [0, None])

    def test_a_pair_that_can_not_be_served_changes_nothing(self) -> None:
        source = Source(p256("a.test"))
        found = Certificates([source], "modern", (), True)
        before = self.served(found, "a.test")
        mixed = KeyPair(p256("a.test").chain, p256("a.test").key)
        for bad, error in ((mixed, SSL.Error), (KeyPair(b"", b""), ValueError)):
            self.assertRaises(error, source.serve, bad)
            self.assertIs(self.served(found, "a.test"), before)

    def test_the_first_pair_of_a_source(self) -> None:
        source = Source()
        found = Certificates([source], "modern", (), True)
        source.serve(p256("a.test"))
        self.assertEqual(self.chosen(found, "a.test", "", "b.test"), [0, 0, None])

    def test_one_more_and_one_less(self) -> None:
        found = made(p256("a.test"))
        more, later = Source(p256("b.test")), Source()
        found.add(more)
        found.add(later)
        later.serve(p256("c.test"))
        self.assertEqual(self.chosen(found, "a.test", "b.test", "c.test"), [0, 1, 2])
        found.remove(more)
        more.serve(p256("b.test"))
        self.assertEqual(self.chosen(found, "a.test", "b.test", "c.test"), [0, None, 1])

    def test_many_changes_are_put_in_order_once(self) -> None:
        ordered: list[Certificates] = []
        order = Certificates._index
        self.patch(Certificates, "_index", lambda each: (ordered.append(each), order(each)))
        found = made(p256("a.test"))
        sources = [Source(p256(f"{letter}.test")) for letter in "bcd"]
        for source in sources:
            found.add(source)
            source.serve(p256("e.test"))
        self.assertEqual(self.chosen(found, "a.test", "b.test", "e.test"), [0, None, 1])
        self.assertEqual(ordered, [found])
        for source in sources:
            found.remove(source)
        self.assertEqual(self.chosen(found, "a.test", "e.test"), [0, None])
        self.assertEqual(ordered, [found] * 2)

    def test_what_is_derived_follows(self) -> None:
        source = Source(p256("a.test"))
        found = Certificates([source], "modern", (), True)
        found.derive(lambda pair: pair.names())
        self.assertEqual(self.served(found, "a.test").derived, ["a.test"])
        source.serve(p256("a.test", "b.test"))
        self.assertEqual(self.served(found, "b.test").derived, ["a.test", "b.test"])

    def test_what_can_not_be_derived_is_not_served(self) -> None:
        source = Source(p256("a.test"))
        found = Certificates([source], "modern", (), True)

        def picky(pair: KeyPair) -> None:
            if "b.test" in pair.names():
                raise ValueError("not that one")

        found.derive(picky)
        self.assertRaises(ValueError, source.serve, p256("b.test"))
        self.assertEqual(self.chosen(found, "a.test", "b.test"), [0, None])
        self.assertRaises(ValueError, made(p256("b.test")).derive, picky)

    def test_every_context_is_prepared(self) -> None:
        prepared: list[SSL.Context] = []
        source = Source(p256("a.test"))
        found = Certificates([source], "modern", (), True, prepare=prepared.append)
        source.serve(p256("a.test"))
        self.assertEqual(len(prepared), 2)
        self.assertIs(self.served(found, "a.test").context, prepared[1])


class Challenges(CertificatesTestCase):
    """Showing who we are (RFC 8737)."""

    def test_only_who_asks_for_it_sees_it(self) -> None:
        source, proof = Source(p256("a.test")), p256("a.test")
        found = Certificates([source], "modern", (b"h2",), True)
        source.offer_challenge("a.test", proof)
        shown = found.choose(ClientHello(sni="a.test", alpn=(b"acme-tls/1",)))
        assert shown is not None
        self.assertEqual((shown.pair, shown.challenge), (proof, True))
        for hello in (
            ClientHello(sni="a.test", alpn=(b"h2",)),
            ClientHello(sni="a.test"),
            ClientHello(sni="", alpn=(b"acme-tls/1",)),
        ):
            usual = found.choose(hello)
            assert usual is not None
            self.assertEqual((usual.pair, usual.challenge), (source.pair, False))
        source.withdraw_challenge("a.test")
        after = found.choose(ClientHello(sni="a.test", alpn=(b"acme-tls/1",)))
        assert after is not None
        self.assertFalse(after.challenge)

    def test_for_a_name_that_has_no_certificate_yet(self) -> None:
        source = Source()
        found = Certificates([source], "modern", (), True)
        source.offer_challenge("new.test", p256("new.test"))
        self.assertIsNotNone(found.choose(ClientHello(sni="new.test", alpn=(b"acme-tls/1",))))
        self.assertIsNone(found.choose(ClientHello(sni="new.test")))

    def test_a_challenge_that_can_not_be_shown(self) -> None:
        source = Source()
        found = Certificates([source], "modern", (), True)
        self.assertRaises(ValueError, source.offer_challenge, "a.test", KeyPair(b"", b""))
        self.assertIsNone(found.choose(ClientHello(sni="a.test", alpn=(b"acme-tls/1",))))
