"""An admin port that answers what a test wants, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from click.testing import Result

from tests.cli.case import CliCase


class Asked(NamedTuple):
    """A request."""

    what: str
    headers: dict[str, str]
    body: bytes


class AdminPort:
    """`answers` has, by `METHOD /path`, (status, data), or a list of them to be given in turn."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[Asked] = []
        owner = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.answer(self)

            do_POST = do_GET  # noqa: N815  # overrides

            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Called in a thread of its own."""
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        what = f"{handler.command} {handler.path}"
        self.asked.append(Asked(what, {k.lower(): v for k, v in handler.headers.items()}, body))
        found = self.answers[what.replace("/api/v1/", "")]
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        status, data = found
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        handler.send_response(status)
        handler.send_header("content-length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class AdminCase(CliCase):
    """A command that asks a gateway."""

    def setUp(self) -> None:
        super().setUp()
        self.port = AdminPort()
        self.addCleanup(self.port.close)

    def type(self, *words: str, **environ: str) -> Result:
        """What a command prints that speaks to the port of the test."""
        return self.run_cli(*words, **{"TORON_ADMIN": self.port.url, "TORON_ADMIN_TOKEN": "", **environ})

    def lines(self, *words: str, code: int = 0) -> list[str]:
        """The lines that it prints on standard output."""
        result = self.type(*words)
        self.assertEqual(result.exit_code, code, result.output)
        return result.stdout.splitlines()
