"""Makes `twistd toron`, and `twistd --reactor toron`, known to Twisted."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

Toron = ServiceMaker("toron", "toron.tap", "A gateway for HTTP, TCP, UDP, TLS and WebSocket.", "toron")

ToronReactor = Reactor(
    "toron", "toron.net.reactor", "Twisted's epoll reactor, with transports that send at once."
)
