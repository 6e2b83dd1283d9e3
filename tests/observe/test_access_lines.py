"""Tests of what an access line looks like, whatever came from the network."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.observe.access_lines import (
    MOST,
    ConnectionLine,
    HttpLine,
    Line,
    TlsLine,
    encode,
    mend,
    milliseconds,
    redaction,
    text,
)
from toron.observe.access_log import BATCH
from toron.observe.line_writer import HELD

TOKENS = redaction(("token", "api_key", "Signature"))


def http_line(**more: Any) -> HttpLine:
    """A line with everything that a line must have."""
    values: dict[str, Any] = {
        "id": "a1", "listener": "web", "client": "203.0.113.7", "peer": "127.0.0.1:4711", "scheme": b"https",
        "host": b"shop.example", "method": b"GET", "path": b"/a", "version": "1.1",
        "status": 200, "route": "shop", "bytes_in": 0, "bytes_out": 12, "duration_ms": 1.5,
    }  # fmt: skip
    as_text = {k: text(v) if isinstance(v, str | bytes) else v for k, v in (values | more).items()}
    return HttpLine(kind="http", **as_text)


def written(line: Line) -> dict[str, Any]:
    """The line as a reader of the log gets it."""
    line.settle(TOKENS)
    data = encode([line])
    assert data.endswith(b"\n"), data
    assert len(data.decode().splitlines()) == 1, data
    found: dict[str, Any] = json.loads(data)
    return found


class HttpLineTests(SynchronousTestCase):
    """A request's line."""

    def test_the_fields_in_their_order(self) -> None:
        line = http_line(
            tls=TlsLine(version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", sni="shop.example", alpn="h2"),
            reason="upstream_reset", detail="after 3 bytes", middleware="m", backend="api",
            server="10.0.0.1:80", retries=1, upstream_ms=0.123, user_agent=b"curl/8", referer=b"https://a/",
        )  # fmt: skip
        line.time = "2026-01-02T03:04:05.006Z"
        self.assertEqual(
            list(written(line).items()),
            [
                ("time", "2026-01-02T03:04:05.006Z"), ("kind", "http"), ("id", "a1"), ("listener", "web"),
                ("client", "203.0.113.7"), ("peer", "127.0.0.1:4711"),
                ("tls", {"version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "sni": "shop.example",
                         "alpn": "h2"}),
                ("scheme", "https"), ("host", "shop.example"), ("method", "GET"), ("path", "/a"),
                ("version", "1.1"), ("status", 200), ("reason", "upstream_reset"),
                ("detail", "after 3 bytes"), ("route", "shop"), ("middleware", "m"), ("backend", "api"),
                ("server", "10.0.0.1:80"), ("retries", 1), ("bytes_in", 0), ("bytes_out", 12),
                ("duration_ms", 1.5), ("upstream_ms", 0.123), ("user_agent", "curl/8"),
                ("referer", "https://a/"),
            ],
        )  # fmt: skip

    def test_times_are_whole_microseconds(self) -> None:
        self.assertEqual([milliseconds(s) for s in (0.0, 0.0001239, 1.5, 0.25)], [0.0, 0.123, 1500.0, 250.0])

    def test_what_is_normal_is_left_out(self) -> None:
        self.assertEqual(
            list(written(http_line())),
            ["kind", "id", "listener", "client", "peer", "scheme", "host", "method", "path", "version",
             "status", "route", "bytes_in", "bytes_out", "duration_ms"],
        )  # fmt: skip

    def test_bytes_that_are_not_text(self) -> None:
        self.assertEqual(written(http_line(path=b"/\xff\x00\n\x1b[31m"))["path"], "/\\xff\x00\n\x1b[31m")
        agent = "é\u2028\U0001f600\x7f"
        self.assertEqual(written(http_line(user_agent=agent.encode()))["user_agent"], agent)

    def test_a_line_is_plain_ascii(self) -> None:
        line = http_line(user_agent="\x9b\x7f\u2028\x85\U0001f600".encode(), path=b"/\r\n")
        line.settle(TOKENS)
        data = encode([line])
        self.assertTrue(data.isascii())
        self.assertFalse(set(data[:-1]) & {*range(0x20), 0x7F})

    def test_a_very_long_value_is_cut(self) -> None:
        path = written(http_line(path=b"/" + b"a" * 100_000))["path"]
        self.assertEqual(path, "/" + "a" * (MOST - 1) + "...")
        self.assertEqual(len(written(http_line(detail="d" * 9000))["detail"]), MOST + 3)
        self.assertEqual(written(http_line(detail=b"\xff" * MOST))["detail"], "\\xff" * (MOST // 4) + "...")
        self.assertEqual(
            written(http_line(detail="\u20ac".encode() * 1366))["detail"], "\u20ac" * 1365 + "\\xe2..."
        )
        self.assertEqual(written(http_line(detail="d" * MOST))["detail"], "d" * MOST)

    def test_a_batch_of_the_longest_lines_is_less_than_a_writer_holds(self) -> None:
        worst = {"path": b"\xc3\xa9" * MOST, "user_agent": b"\xff" * MOST, "referer": "\u20ac" * MOST}
        lines: list[Line] = [http_line(**worst, detail=b"\x01" * MOST) for _ in range(BATCH)]
        for line in lines:
            line.settle(TOKENS)
        self.assertTrue(len(encode(lines)) < HELD)

    def test_secrets_are_redacted_wherever_a_query_is_shown(self) -> None:
        line = written(
            http_line(
                path=b"/a?token=s3cret&x=1", referer=b"https://a/?x=1&api_key=s3cret", detail="/?token=s3cret"
            )
        )
        self.assertEqual(line["path"], "/a?token=<redacted>&x=1")
        self.assertEqual(line["referer"], "https://a/?x=1&api_key=<redacted>")
        self.assertEqual(line["detail"], "/?token=<redacted>")

    @given(st.binary(), st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
    def test_any_bytes_make_one_valid_line(self, path: bytes, agent: bytes, detail: str) -> None:
        found = written(http_line(path=path, user_agent=agent, detail=detail))
        self.assertEqual(found.get("user_agent", ""), agent.decode("utf-8", "backslashreplace"))

    def test_half_a_surrogate_pair_is_mended(self) -> None:
        line = http_line(detail="a\ud800", tls=TlsLine(version="TLSv1.3", sni="\udcff"))
        line.settle(TOKENS)
        self.assertRaises(UnicodeEncodeError, encode, [line])
        mend(line)
        found = json.loads(encode([line]))
        self.assertEqual(found["detail"], "a\\ud800")
        self.assertEqual(found["tls"], {"version": "TLSv1.3", "sni": "\\udcff"})


class ConnectionLineTests(SynchronousTestCase):
    """A layer-4 line."""

    def test_a_connection(self) -> None:
        line = ConnectionLine(
            kind="sni", listener="tls", client="::1", peer="[::1]:99", sni=b"a.example", alpn=b"h2",
            backend="db", server="10.0.0.1:443", bytes_in=0, bytes_out=7, duration_ms=0.0004,
        )  # fmt: skip
        self.assertEqual(
            written(line),
            {"kind": "sni", "listener": "tls", "client": "::1", "peer": "[::1]:99", "sni": "a.example",
             "alpn": "h2", "backend": "db", "server": "10.0.0.1:443", "bytes_in": 0, "bytes_out": 7,
             "duration_ms": 0.0},
        )  # fmt: skip

    def test_a_refused_connection(self) -> None:
        line = ConnectionLine(
            kind="tcp",
            listener="db",
            client="10.0.0.9",
            peer="10.0.0.9:1",
            reason="address_denied",
            detail=b"\xff",
        )
        self.assertEqual(
            written(line),
            {"kind": "tcp", "listener": "db", "client": "10.0.0.9", "peer": "10.0.0.9:1",
             "reason": "address_denied", "detail": "\\xff"},
        )  # fmt: skip

    def test_the_start_of_one(self) -> None:
        line = ConnectionLine(kind="udp", event="start", id="7", listener="dns", client="::1", peer="[::1]:5")
        self.assertEqual(list(written(line)), ["kind", "event", "id", "listener", "client", "peer"])


class RedactionTests(SynchronousTestCase):
    """Which values are not written."""

    def test_conversations(self) -> None:
        for came, shown in (
            ("/?token=a", "/?token=<redacted>"),
            ("/?token=", "/?token=<redacted>"),
            ("/?TOKEN=a&b=c", "/?TOKEN=<redacted>&b=c"),
            ("/?signature=a;b", "/?signature=<redacted>"),
            ("/?SigNature=a", "/?SigNature=<redacted>"),
            ("/?a=b;token=a", "/?a=b;token=<redacted>"),
            ("/?token=a&token=b", "/?token=<redacted>&token=<redacted>"),
            ("/?token[0]=a", "/?token[0]=<redacted>"),
            ("/?token%5B%5D=a", "/?token%5B%5D=<redacted>"),
            ("/?%74oken=a", "/?%74oken=<redacted>"),
            ("/?%54%4F%6bEn=a", "/?%54%4F%6bEn=<redacted>"),
            ("/?api%5Fkey=a", "/?api%5Fkey=<redacted>"),
            ("/?to=https%3A%2F%2Fx%3Ftoken%3Da%26b%3Dc&d=e", "/?to=https%3A%2F%2Fx%3Ftoken%3D<redacted>&d=e"),
            ("/?x=%E2%82%AC&token=a", "/?x=%E2%82%AC&token=<redacted>"),
            ("/?x=İ&token=a", "/?x=İ&token=<redacted>"),
            ("/?tokens=a", "/?tokens=a"),
            ("/?mytoken=a", "/?mytoken=a"),
            ("/?token", "/?token"),
            ("/token=a", "/token=a"),
            ("/?a=%20token", "/?a=%20token"),
            ("", ""),
        ):
            self.assertEqual(TOKENS(came), shown)

    def test_no_names(self) -> None:
        self.assertEqual(redaction(())("/?token=a"), "/?token=a")

    def test_a_name_is_not_a_pattern(self) -> None:
        self.assertEqual(
            redaction(("a.b", "é"))("/?axb=1&a.b=2&é=3&%C3%A9=4"),
            "/?axb=1&a.b=<redacted>&é=<redacted>&%C3%A9=<redacted>",
        )
