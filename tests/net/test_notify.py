"""The service manager is told, or left alone."""

from __future__ import annotations

import os
import socket
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from toron.net.notify import notifier


class Notify(SynchronousTestCase):
    def manager(self, address: str) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listening.close)
        listening.settimeout(5)
        listening.bind(address)
        return listening

    def test_a_socket_in_the_file_system(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "notify")
        manager = self.manager(path)
        notifier({"NOTIFY_SOCKET": path})("READY=1")
        self.assertEqual(manager.recv(100), b"READY=1")

    def test_an_abstract_socket(self) -> None:
        manager = self.manager(f"\0toron-test-{os.getpid()}")
        notifier({"NOTIFY_SOCKET": f"@toron-test-{os.getpid()}"})("STOPPING=1")
        self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_nobody_asked(self) -> None:
        self.assertIsNone(notifier({})("READY=1"))
        self.assertIsNone(notifier({"NOTIFY_SOCKET": "vsock:2:1"})("READY=1"))

    def test_nobody_listens_any_more(self) -> None:
        self.assertIsNone(notifier({"NOTIFY_SOCKET": "/nonexistent/notify"})("READY=1"))
