"""The Forwarded field: the examples of RFC 7239, what breaks it, and what we write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.forwarded import Element, Node, element, node, parse, write


def ip(name: str, port: str = "") -> Node:
    return Node(name, port, True)


class Read(SynchronousTestCase):
    def test_examples_of_the_rfc(self) -> None:
        for value, elements in (
            (b'for="_gazonk"', [Element(Node("_gazonk"))]),
            (b'For="[2001:db8:cafe::17]:4711"', [Element(ip("2001:db8:cafe::17", "4711"))]),
            (
                b"for=192.0.2.60;proto=http;by=203.0.113.43",
                [Element(ip("192.0.2.60"), ip("203.0.113.43"), b"", b"http")],
            ),
            (b"for=192.0.2.43, for=198.51.100.17", [Element(ip("192.0.2.43")), Element(ip("198.51.100.17"))]),
            (b"for=_hidden, for=_SEVKISEK", [Element(Node("_hidden")), Element(Node("_SEVKISEK"))]),
            (b"for=unknown", [Element(Node("unknown"))]),
            (b'for="192.0.2.43:47011"', [Element(ip("192.0.2.43", "47011"))]),
            (b'for="unknown:_p.1-x"', [Element(Node("unknown", "_p.1-x"))]),
        ):
            self.assertEqual(parse([value]), elements)

    def test_lines_are_one_list(self) -> None:
        self.assertEqual(
            parse([b"for=192.0.2.43,for=unknown", b"for=_b"]),
            parse([b"for=192.0.2.43, for=unknown, for=_b"]),
        )

    def test_case(self) -> None:
        self.assertEqual(
            parse([b"FOR=UNKNOWN;Proto=HTTPS;HOST=A.test"]),
            [Element(Node("unknown"), None, b"A.test", b"https")],
        )

    def test_quoted(self) -> None:
        self.assertEqual(parse([b'host="a.test:80"']), [Element(host=b"a.test:80")])
        self.assertEqual(
            parse([b'host="[::1]:80";proto="h\\tt\\p"']), [Element(host=b"[::1]:80", proto=b"http")]
        )

    def test_commas_and_semicolons_in_quotes(self) -> None:
        self.assertEqual(parse([b'x="a,b;c\\",";for=_a,for=_b']), [Element(Node("_a")), Element(Node("_b"))])

    def test_other_parameters_are_passed_over(self) -> None:
        self.assertEqual(parse([b'secret="\xff";for=_a;x=y']), [Element(Node("_a"))])

    def test_empty_members(self) -> None:
        self.assertEqual(parse([]), [])
        self.assertEqual(parse([b"", b" , ,\t"]), [])
        self.assertEqual(parse([b",for=_a;, ;for=_b,"]), [Element(Node("_a")), Element(Node("_b"))])

    def test_blanks_beside_a_semicolon(self) -> None:
        self.assertEqual(parse([b"for=_a ; proto=http"]), [Element(Node("_a"), proto=b"http")])

    def test_wrong(self) -> None:
        for value in (
            b"for", b"for=", b"=_a", b"for =_a", b"for= _a", b"for=_a proto=http", b"for==_a",
            b'for="_a', b'for="_a"x', b'x="\0"', b'x="\n"', b"x=\xff", b'for="_a\\"',
            b"for=_a;for=_b", b"for=_a;FOR=_a", b"x=1;X=1",
            b"for=a", b"for=_", b"for=", b'for=""', b"for=::1", b'for="::1"', b'for="[::1"',
            b'for="[1.2.3.4]"', b'for="[::g]"', b'for="[fe80::1%1]"', b"for=1.2.3", b"for=1.2.3.256",
            b"for=1.2.3.04", b"for=a.test", b'for="_a b"', b'for="1.2.3.4:"', b'for="1.2.3.4:x"',
            b'for="1.2.3.4:123456"', b'for="1.2.3.4:65536"', b'for="1.2.3.4:_"', b"for=1.2.3.4:80", b'by="a"',
            b'host=""', b'host="a b"', b'host="a/b"', b'host="a:b"', b'host="u@h"', b'host="a\\\\b"',
            b'host="[::1"',
            b"proto=1", b'proto="a b"', b'proto=""',
        ):  # fmt: skip
            self.assertRaises(ValueError, parse, [value])
            self.assertRaises(ValueError, parse, [b"for=_a, " + value])
            self.assertRaises(ValueError, parse, [value, b"for=_a"])

    def test_one_element_has_no_comma(self) -> None:
        self.assertRaises(ValueError, element, b"for=_a,for=_b")

    def test_node_in_its_shortest_form(self) -> None:
        self.assertEqual(node(b"[2001:DB8:0:0::01]"), ip("2001:db8::1"))

    @given(st.text(alphabet='for=by;host,"\\_1.2:[] \t').map(str.encode) | st.binary())
    def test_garbage(self, value: bytes) -> None:
        try:
            found = parse([value])
        except ValueError:
            return
        self.assertTrue(all(isinstance(made, Element) for made in found))

    def test_a_long_value_is_read_in_one_pass(self) -> None:
        hops = b"for=10.0.0.1," * 2000
        self.assertEqual(len(parse([hops])), 2000)
        for nasty in (
            b'"' * 30001,
            b'x="' + b"\\" * 30001,
            b"a" * 30000,
            b";" * 30000 + b"x",
            b",\t" * 15000 + b"x",
        ):
            self.assertRaises(ValueError, parse, [nasty])


class Written(SynchronousTestCase):
    def test_all(self) -> None:
        self.assertEqual(
            write("2001:db8::1", host=b"a.test:8080", proto=b"https", by="192.0.2.1"),
            b'for="[2001:db8::1]";by=192.0.2.1;host="a.test:8080";proto=https',
        )

    def test_little(self) -> None:
        self.assertEqual(write("192.0.2.1"), b"for=192.0.2.1")
        self.assertEqual(write(""), b"for=unknown")
        self.assertEqual(write("192.0.2.1", host=b'a"\\'), b'for=192.0.2.1;host="a\\"\\\\"')

    @given(st.ip_addresses().map(str), st.sampled_from([b"", b"a.test", b"a.test:1", b"[::1]:80"]))
    def test_read_back(self, client: str, host: bytes) -> None:
        [found] = parse([write(client, host=host, proto=b"http")])
        self.assertEqual((found.host, found.proto), (host, b"http"))
        self.assertTrue(found.for_ is not None and found.for_.is_address)
        self.assertEqual(parse([write(found.for_.name if found.for_ else "")])[0].for_, found.for_)
