"""Loads a proxy for a while: each function does one kind of work, and returns how much of it was done."""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import http3

CONNECTIONS = 64
SHARE_OF_ERRORS = 0.001
"""So many of the requests may fail before the figure is none."""

GRACE = 0.2
"""Seconds after the last request at a constant rate was due in which a reply still counts."""

DATAGRAM = b"x" * 64
CALL = "bench.Echo/Unary"
MESSAGE = b"\0\0\0\0\x10" + b"\x0a\x0ehello backend!"
"""A message of gRPC: not compressed, 16 bytes long, and those."""
SILENCE = 0.2
"""Seconds without a reply after which datagrams count as lost, and are sent again."""


CLIENTS, STREAMS = 16, 10
"""Connections of HTTP/2, and requests under way on each."""


class LoadFailed(Exception):
    """The proxy did not do the work; the message says how."""


class TooSlow(LoadFailed):
    """The proxy does the work, but not as fast as it comes."""


@dataclass(frozen=True)
class Pace:
    """What asks at a constant rate: the program made of paced.c, and its requests per second."""

    program: Path
    rate: float


@dataclass(frozen=True)
class Replies:
    """What came of asking at a constant rate; `p99` is the 99th percentile of the latency, in µs."""

    answered: int
    seconds: float
    p99: float


def parse_wrk(text: str) -> float:
    """The requests that wrk reports; LoadFailed when too many of them failed."""
    found = re.search(r"(\d+) requests in ", text)
    if found is None or not int(found[1]):
        raise LoadFailed(f"wrk counted nothing: {text.strip()[-300:]}")
    done = int(found[1])
    errors = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    for numbers in re.findall(r"Socket errors: (.*)", text):
        errors += sum(map(int, re.findall(r"\d+", numbers)))
    if errors > done * SHARE_OF_ERRORS:
        raise LoadFailed(f"{errors} of {done} requests failed")
    return float(done)


def parse_h2load(text: str) -> float:
    """The requests that h2load reports; LoadFailed when too many of them failed."""
    found = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    if found is None or not int(found[2]):
        raise LoadFailed(f"h2load counted nothing: {text.strip()[-300:]}")
    done, succeeded = int(found[1]), int(found[2])
    if done - succeeded > done * SHARE_OF_ERRORS:
        raise LoadFailed(f"{done - succeeded} of {done} requests failed")
    return float(succeeded)


def parse_paced(text: str) -> Replies:
    """What paced.c reports; LoadFailed when too many requests failed, TooSlow when too many were left."""
    try:
        said = json.loads(text)
        asked, answered, failed = (int(said[key]) for key in ("requests", "answered", "failed"))
        replies = Replies(answered, float(said["seconds"]), float(said["p99"]))
    except (ValueError, KeyError, TypeError):
        raise LoadFailed(f"paced counted nothing: {text.strip()[-300:]}") from None
    if asked < 1 or failed > asked * SHARE_OF_ERRORS:
        raise LoadFailed(f"{failed} of {asked} requests failed")
    if asked - answered - failed > asked * SHARE_OF_ERRORS:
        raise TooSlow(f"only {answered} of {asked} requests were answered in time")
    return replies


def run(*command: str, timeout: float) -> str:
    """What the command prints; LoadFailed when it fails or takes longer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"{command[0]} took longer than {timeout:g} s") from None
    if done.returncode:
        raise LoadFailed(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def requests(url: str, seconds: float, *, close: bool = False) -> float:
    """Small requests over 64 connections, or with `close` a new connection for each."""
    options = ["-H", "Connection: close"] if close else []
    whole = max(1, round(seconds))
    text = run(
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{whole}s", "--timeout", "10s", *options, url, timeout=whole + 30
    )
    return parse_wrk(text)


def streams(port: int, seconds: float, *options: str) -> float:
    """Small requests over TLS and HTTP/2: 16 connections with ten under way on each."""
    whole = max(1, round(seconds))
    numbers = ("-t1", f"-c{CLIENTS}", f"-m{STREAMS}", f"-D{whole}")
    url = f"https://127.0.0.1:{port}/{CALL}"
    return parse_h2load(run("h2load", *numbers, *options, url, timeout=whole + 30))


def unary(port: int, seconds: float) -> float:
    """Unary gRPC calls of a small message, as many at a time."""
    with tempfile.NamedTemporaryFile() as message:
        message.write(MESSAGE)
        message.flush()
        options = ("-H", "content-type: application/grpc", "-H", "te: trailers", "-d", message.name)
        return streams(port, seconds, *options)


def quic(port: int, seconds: float) -> float:
    """Small requests over HTTP/3: eight connections with ten under way on each."""
    try:
        good, bad = http3.requests(port, seconds)
    except (ConnectionError, OSError) as error:
        raise LoadFailed(f"HTTP/3: {error}") from None
    if bad > (good + bad) * SHARE_OF_ERRORS or not good:
        raise LoadFailed(f"{bad} of {good + bad} requests over HTTP/3 failed")
    return float(good)


def paced(port: int, seconds: float, pace: Pace) -> Replies:
    """Small requests over 64 connections at a constant rate, whatever becomes of those before."""
    words = (str(pace.program), str(port), f"{pace.rate:.1f}", f"{seconds:g}", str(CONNECTIONS), str(GRACE))
    return parse_paced(run(*words, timeout=seconds + GRACE + 30))


def download(url: str, seconds: float) -> float:
    """Bytes of one large file, fetched again and again: at least once, and whole each time."""
    deadline = time.monotonic() + seconds
    total = 0.0
    while not total or time.monotonic() < deadline:
        total += float(run("curl", "-sSf", "-o", "/dev/null", "-w", "%{size_download}", url, timeout=120))
    return total


def handshakes(port: int, seconds: float) -> float:
    """Full TLS handshakes with one small request each, one after the other.

    Not by wrk, which resumes the session of the connection before.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    done, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else it waits for a delayed ACK
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                raise LoadFailed("a request over a new TLS connection was not answered with 200")
            if client.session_reused:
                raise LoadFailed("the handshake was not a full one")
        done += 1
    return float(done)


def datagrams(port: int, seconds: float) -> float:
    """Round trips of one datagram each way, from 64 sockets with one under way each."""
    done = 0
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        sockets = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(CONNECTIONS)
        ]
        for each in sockets:
            each.connect(("127.0.0.1", port))
            each.setblocking(False)
            selector.register(each, selectors.EVENT_READ, each)
            each.send(DATAGRAM)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ready = selector.select(SILENCE)
            for key, _ in ready:
                key.data.recv(2048)
                key.data.send(DATAGRAM)
            done += len(ready)
            if not ready:
                for each in sockets:
                    each.send(DATAGRAM)
    if not done:
        raise LoadFailed("no datagram came back")
    return float(done)


def idle_connections(port: int, count: int, stack: contextlib.ExitStack) -> None:
    """Opens connections that have done one request each; they stay open until `stack` is closed."""
    selector = stack.enter_context(selectors.DefaultSelector())
    for _ in range(count):
        each = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not each.recv(4096).startswith(b"HTTP/1.1 200"):
            raise LoadFailed("a connection to be kept idle was not answered with 200")
        selector.register(each, selectors.EVENT_READ)
    if closed := len(selector.select(0.2)):
        raise LoadFailed(f"{closed} of {count} connections were not kept")
