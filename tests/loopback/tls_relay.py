"""What the tests of relays behind a TLS listener share: an authority, a gateway, a client."""

from __future__ import annotations

import socket
import ssl

from tests.loopback.authority import Authority
from tests.loopback.peers import Conversation, Gateway, LoopbackTestCase

CONFIG = """
listeners:
  - name: front
    protocol: tls
    address: 127.0.0.1
    port: @PORT@
    certificates: [{front}]
    idle: 2s
    backend: b
backends:
  b: {{url: "{url}", tls: {{{tls}}}, timeouts: {{connect: 1s}}}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""


def echo(conversation: Conversation) -> None:
    """Send everything back, and end when the client does."""
    while data := conversation.read():
        conversation.send(data)


class TlsRelay(LoopbackTestCase):
    """One listener with a certificate for front.test, in front of one server."""

    def setUp(self) -> None:
        self.authority = self.start(Authority())
        self.stranger = Authority(self.authority.folder, "a stranger")
        self.front = self.authority.issue("front.test")
        self.context = ssl.create_default_context(cafile=str(self.authority.ca))
        # Some versions of Python take a stream that was cut for one that ended (bpo-43794).
        self.context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        self.ended: list[str] = []

    def gateway(self, port: int, scheme: str = "tcp", host: str = "127.0.0.1", tls: str = "") -> Gateway:
        """A gateway in front of that port."""
        config = CONFIG.format(front=self.front.yaml, url=f"{scheme}://{host}:{port}", tls=tls)
        return self.start(Gateway(config))

    def client(self, gateway: Gateway) -> ssl.SSLSocket:
        """A verified connection to the gateway."""
        sock = socket.create_connection(("127.0.0.1", gateway.port), timeout=5)
        client = self.context.wrap_socket(sock, server_hostname="front.test", suppress_ragged_eofs=False)
        self.addCleanup(client.close)
        return client

    def witness(self, conversation: Conversation) -> None:
        """Read to the end, and note which kind of end it was."""
        try:
            conversation.read_all()
            self.ended.append("end")
        except ConnectionResetError:
            self.ended.append("reset")
