"""A real browser: Chromium loads a page over HTTP/2, and opens a WebSocket over the same connection."""

from __future__ import annotations

import json
import subprocess
import tempfile
from urllib.parse import unquote

from tests.loopback.authority import Authority
from tests.loopback.case import LoopbackTestCase
from tests.loopback.gateway import Gateway
from tests.loopback.process import find_program
from tests.loopback.sockets import eventually

PAGE = """<!doctype html><title>t</title><script>
const socket = new WebSocket("wss://" + location.host + "/chat");
const tell = what => fetch("/told/" + encodeURIComponent(what));
socket.onopen = () => socket.send("hello from the browser");
socket.onmessage = event => { tell("message " + event.data); socket.close(1000); };
socket.onclose = event => tell("closed " + event.code);
socket.onerror = () => tell("error");
</script>"""

CONFIG = """
listeners:
  - {name: web, protocol: https, address: 127.0.0.1, port: @PORT@, certificates: [{cert: CERT, key: KEY}]}
routes:
  - {match: {path: /page}, respond: {status: 200, headers: {Content-Type: text/html}, body: BODY}}
  - {match: {path: /told}, respond: {status: 204}}
  - {match: {path: /chat}, echo: {}}
access_log: {path: "@FOLDER@/access.log"}
"""


OPTIONS = (
    "headless=new",
    "no-sandbox",
    "no-first-run",
    "disable-gpu",
    "disable-dev-shm-usage",
    "disable-extensions",
    "disable-background-networking",
    "disable-component-update",
    "disable-quic",
    "ignore-certificate-errors",
    "host-resolver-rules=MAP localhost 127.0.0.1",
)


def paths(gateway: Gateway) -> list[str]:
    """What was asked for so far."""
    return [line["path"] for line in gateway.access() if "path" in line]


class Browser(LoopbackTestCase):
    """Without a window, with a profile of its own, and told to trust any certificate."""

    def test_a_websocket_over_http_2(self) -> None:
        pair = self.start(Authority()).issue("localhost")
        config = CONFIG.replace("CERT", str(pair.cert)).replace("KEY", str(pair.key))
        gateway = self.start(Gateway(config.replace("BODY", json.dumps(PAGE))))
        profile = tempfile.TemporaryDirectory(prefix="toron-")
        self.addCleanup(profile.cleanup)
        command = [
            find_program("chromium"),
            *(f"--{option}" for option in OPTIONS),
            f"--user-data-dir={profile.name}",
            f"https://localhost:{gateway.port}/page",
        ]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as browser:
            try:
                told = eventually(
                    lambda: [unquote(p) for p in paths(gateway) if "closed" in p],
                    timeout=60,
                    what="a word from the browser",
                )
            finally:
                browser.terminate()
                errors = browser.communicate(timeout=20)[1]
        self.assertEqual(told, ["/told/closed 1000"], errors)
        lines = {line["path"]: line for line in gateway.ended() if "path" in line}
        self.assertIn("/told/message%20hello%20from%20the%20browser", lines)
        socket = lines["/chat"]
        self.assertEqual((socket["version"], socket["status"], socket["method"]), ("2", 101, "GET"))
        self.assertEqual(socket["peer"], lines["/page"]["peer"], "one connection for both")
