"""Where one certificate comes from: the pair that serves now, and who has to hear of the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet

from toron.net.key_pair import KeyPair
from toron.net.ocsp import must_staple


class User(Protocol):
    """Who serves what a source has: the certificates of a listener."""

    def made(self, source: Source, pair: KeyPair) -> Any:
        """What it would serve this pair with; raises ValueError or SSL.Error where it can not."""

    def take(self, source: Source, made: Any) -> None:
        """Serve what was made before, from now on."""

    def offer_challenge(self, name: str, pair: KeyPair) -> None:
        """Show this to who wants to know whether we are `name`."""

    def withdraw_challenge(self, name: str) -> None:
        """Do not show it any more."""


class Source:
    """One certificate; all listeners that serve it have the same source."""

    def __init__(self, pair: KeyPair | None = None, label: str = "", staples: bool | None = None) -> None:
        """Without a pair there is nothing to serve yet.

        `staples` says whether its responder is to be asked; None is for the certificate to say.
        """
        self.pair = pair
        self._staples = staples
        self.label = label
        """What the log calls it: where the configuration has it from."""
        self.staple = b""
        """What its responder said of the pair last (OCSP, DER); b"" for nothing that is still good."""
        self.challenges: dict[str, KeyPair] = {}
        """What is shown to who wants to see whether we are these names."""
        self.changed: list[Callable[[Source], object]] = []
        """Told when the pair, the staple or the challenges are others."""
        self.changes = 0
        """How often they have become others."""
        self._users: WeakSet[User] = WeakSet()

    def attach(self, user: User) -> None:
        """Tell it of each new pair and challenge, as long as it is there."""
        self._users.add(user)
        for name, pair in self.challenges.items():
            user.offer_challenge(name, pair)

    def detach(self, user: User) -> None:
        """Tell it nothing more."""
        self._users.discard(user)

    def serve(self, pair: KeyPair) -> None:
        """Let every listener serve this pair from now on; connections that are there stay as they are.

        Where one of them can not, ValueError or SSL.Error says why and nothing has changed.
        """
        made = [(user, user.made(self, pair)) for user in self._users]
        for user, one in made:
            user.take(self, one)
        self.pair = pair
        self.staple = b""
        self._tell()

    def renew_tickets(self) -> None:
        """Serve the same with other ticket keys: what was begun before is not resumed any more."""
        if self.pair is not None:
            for user in list(self._users):
                user.take(self, user.made(self, self.pair))

    def wants_staple(self, pair: KeyPair) -> bool:
        """Whether this pair is to be shown with what its responder says of it."""
        return must_staple(pair) if self._staples is None else self._staples

    def attest(self, staple: bytes) -> None:
        """Show this to clients that ask what the responder says of the certificate; b"" for nothing."""
        if staple != self.staple:
            self.staple = staple
            self._tell()

    def offer_challenge(self, name: str, pair: KeyPair) -> None:
        """Show this pair to clients that ask for `name` to see who we are (RFC 8737 section 3).

        ValueError or SSL.Error where it can not be shown.
        """
        for user in list(self._users):
            user.offer_challenge(name, pair)
        self.challenges[name] = pair
        self._tell()

    def withdraw_challenge(self, name: str) -> None:
        """Show it to nobody any more; nothing happens where there is none."""
        if self.challenges.pop(name, None) is None:
            return
        for user in list(self._users):
            user.withdraw_challenge(name)
        self._tell()

    def _tell(self) -> None:
        self.changes += 1
        for told in list(self.changed):
            told(self)
