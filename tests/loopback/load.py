"""Steady requests from a few threads, and what became of each of them."""

from __future__ import annotations

import http.client
import threading
import time

from tests.loopback.sockets import LOOPBACK


class Clients:
    """So many threads that ask until they are told to end; `failures` says what went wrong."""

    def __init__(self, clients: int) -> None:
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        self.failures: list[str] = []

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End."""
        self._ended.set()
        for thread in self._threads:
            thread.join(10)

    def _ask(self) -> None:
        """What each thread does, until `_ended` is set."""
        raise NotImplementedError


class Load(Clients):
    """Clients that each keep a connection and ask again and again, until it is closed."""

    def __init__(self, port: int, clients: int = 4, pause: float = 0.002) -> None:
        self._port = port
        self._pause = pause
        super().__init__(clients)
        self.answers: list[str] = []
        """The body of every good answer, in the order they came."""

    def since(self) -> set[str]:
        """Who has answered from now on, after a while."""
        begin = len(self.answers)
        deadline = time.monotonic() + 10
        while len(self.answers) < begin + 60 and time.monotonic() < deadline:
            time.sleep(0.005)
        # Four were perhaps on their way.
        return set(self.answers[begin + 4 :])

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, 10)
        while not self._ended.is_set():
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                body = response.read().decode().strip()
                if response.status == 200:
                    self.answers.append(body)
                else:
                    self.failures.append(f"{response.status} {body}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            time.sleep(self._pause)
        connection.close()
