"""Makes `twistd toron` known to Twisted."""

from twisted.application.service import ServiceMaker

Toron = ServiceMaker("toron", "toron.tap", "A gateway for HTTP, TCP, UDP, TLS and WebSocket.", "toron")
