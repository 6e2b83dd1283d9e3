"""Looks after one certificate: has it, renews it in time, and tries again when that fails."""

from __future__ import annotations

import random as randomness
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.acme.account import Account
from toron.acme.ari import Window, certificate_id, read_window
from toron.acme.csr import Key, key_pem, new_key, signing_request
from toron.acme.failure import AcmeFailed, Taken
from toron.acme.order import Order
from toron.acme.pair_file import check
from toron.acme.proof import Proof
from toron.acme.record import Record
from toron.acme.renewal import again_in, life_of, renew_at
from toron.acme.state import State
from toron.acme.wanted import Wanted
from toron.core.wait import Cancelled, Task, Wait
from toron.net.certificate_source import Source
from toron.net.key_pair import KeyPair
from toron.net.tls import explain

LONGEST = 3600.0
"""Seconds from one look at the clock to the next, at most: a machine may have slept."""

AT_LEAST = 3600.0
"""Seconds from one certificate to the next, unless it lives so short that a third of that is less."""

LAST = 10.0
"""Seconds for taking proofs away before the end, at most."""

TAKEN = 10.0
"""Seconds between two looks at what another process has in the state folder."""

SUGGESTED = (60.0, 6 * 3600.0, 86400.0)
"""Seconds between two looks at what the directory suggests: at least, where it does not say, at most."""


class Upkeep(Service):
    """One certificate, from start to stop. `source` is where it is served from."""

    def __init__(
        self,
        wanted: Wanted,
        source: Source,
        account: Account,
        state: State,
        proof: Proof,
        *,
        reactor: Any,
        random: randomness.Random,
        wall: Callable[[], float],
        turns: DeferredSemaphore,
    ) -> None:
        """`turns` are shared by all that ask: who waits for one asks later."""
        self.log = Logger(namespace="toron")
        self.wanted = wanted
        self.source = source
        self.record = Record(wanted, state)
        self._account = account
        self._state = state
        self._proof = proof
        self._reactor = reactor
        self._random = random
        self._wall = wall
        self._turns = turns
        self._share = random.random()
        self._window: Window | None = None
        self._window_at = 0.0
        self._forced = False
        self._taken = False
        self._task: Task[None] | None = None
        self._call: Any = None
        self._stopped: list[Deferred[None]] = []
        self._waiting: list[Wait[None]] = []

    # --- life ---------------------------------------------------------------------------------

    def startService(self) -> None:
        """Serve what is kept, and see to the rest."""
        super().startService()  # type: ignore[no-untyped-call]
        try:
            self._serve_kept()
            self.record.read(self._wall())
        except AcmeFailed as error:
            self.log.error("ACME: {name}: {why}", name=self.wanted.label, why=str(error))
        self._plan()

    def stopService(self) -> Deferred[None]:
        """Give up what is under way; fires when its traces are gone."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._task is None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        # A command that takes a record away may hang.
        stopped.addTimeout(LAST, self._reactor, lambda _, seconds: None)
        self._stopped.append(stopped)
        if len(self._stopped) == 1:
            self._task.cancel()
        return stopped

    def renew(self) -> None:
        """Get a new one now, whatever there is."""
        self._forced = True
        self._plan()

    async def first(self) -> None:
        """Wait for a certificate, or for the first failure to get one."""
        if self.source.pair is None and not self.record.failures:
            wait: Wait[None] = Wait()
            self._waiting.append(wait)
            await wait

    # --- when ---------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When the next try is made, in Unix seconds; 0 for at once."""
        if self._forced:
            return 0.0
        pair = self.source.pair
        due = 0.0 if pair is None else renew_at(life_of(pair.chain), self._window, self._share)
        return max(due, self.record.not_before)

    def _plan(self) -> None:
        """Have the clock looked at in time; what is under way plans by itself when it ends."""
        if not self.running or self._task is not None:
            return
        if self._call is not None:
            self._call.cancel()
        now = self._wall()
        soon = self.due if self.source.pair is None else min(self.due, max(self._window_at, now))
        self._call = self._reactor.callLater(min(LONGEST, max(0.0, soon - now)), self._begin)

    def _begin(self) -> None:
        self._call = None
        task = self._task = Task(self._work(), self._ended)
        task.start()

    async def _work(self) -> None:
        if self.due > self._wall():
            await self._look_at_window()
        if self.due <= self._wall():
            await self._turns.acquire()
            try:
                await self._renew()
            finally:
                self._turns.release()

    def _ended(self, _: None, error: BaseException | None) -> None:
        self._task = None
        if error is not None and not isinstance(error, Cancelled):
            if not isinstance(error, AcmeFailed):
                self.log.failure("ACME: {name} is broken", Failure(error), name=self.wanted.label)
                error = AcmeFailed(f"{type(error).__name__}: {error}", word="internal")
            self._failed(error)
        self._tell_waiting()
        stopped, self._stopped = self._stopped, []
        for each in stopped:
            each.callback(None)
        self._plan()

    def _tell_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for wait in waiting:
            wait.fire(None)

    def _failed(self, error: AcmeFailed) -> None:
        """Say why, and come again later."""
        now = self._wall()
        self._forced = False
        if isinstance(error, Taken):
            self.record.not_before = now + TAKEN
            if not self._taken:
                self._taken = True
                self.log.info("ACME: {name}: {why}", name=self.wanted.label, why=str(error))
            return
        delay = again_in(self.record.failures + 1, error.wait, self._random.random())
        self.record.failed(error, now + delay, asked=bool(error.wait))
        self.log.error(
            "ACME: no certificate for {names}: {why}; {kept}, and the next try is in {delay}",
            names=", ".join(self.wanted.names), why=str(error), delay=_words(delay),
            kept="there is none yet" if self.source.pair is None else "the one from before is served",
        )  # fmt: skip

    # --- what ---------------------------------------------------------------------------------

    async def _renew(self) -> None:
        """Get a certificate, keep it, and serve it."""
        try:
            self._state.lock()
        finally:
            # By a process that was here before us, or still is.
            self._serve_kept()
        self._taken = False
        if self.due > self._wall():
            return
        self.record.begin()
        await self._account.open()
        key = await self._new_key()
        replaces = ""
        if self.source.pair is not None and self._account.directory.address("renewalInfo"):
            replaces = certificate_id(self.source.pair.chain)
        order = Order(self._reactor, self._account, self.wanted.names, self._proof)
        request = signing_request(key, self.wanted.names)
        chain = await order.obtain(request, replaces)
        self._take(KeyPair(chain, key_pem(key)))

    async def _new_key(self) -> Key:
        if self.wanted.key == "ecdsa":
            return new_key("ecdsa")
        pool = self._reactor.getThreadPool()
        key: Key = await deferToThreadPool(self._reactor, pool, new_key, self.wanted.key)
        return key

    def _take(self, pair: KeyPair) -> None:
        try:
            check(pair, self.wanted.names)
            self._serve(pair)
        except (ValueError, SSL.Error) as error:
            why = explain(error) if isinstance(error, SSL.Error) else str(error)
            raise AcmeFailed(f"the directory's certificate can not be used: {why}") from None
        self._forced = False
        try:
            self.record.write(pair)
            self.record.succeeded()
        except AcmeFailed as error:
            # To order another one would not help.
            self.record.count(error)
            self.log.error(
                "ACME: the new certificate for {name} is served, and will be gone after a restart: {why}",
                name=self.wanted.label, why=str(error),
            )  # fmt: skip
        life = life_of(pair.chain)
        # With a clock that is wrong, ours or the directory's, it may be too old at once.
        self.record.not_before = self._wall() + min(AT_LEAST, (life.end - life.begin) / 3.0)
        self._window, self._window_at, self._share = None, self._wall(), self._random.random()
        self.log.info(
            "ACME: a certificate for {names}, which ends in {life}",
            names=", ".join(self.wanted.names), life=_words(life.end - self._wall()),
        )  # fmt: skip

    def _serve_kept(self) -> None:
        """Serve what the state folder has, if it has anything new."""
        pair = self.record.changed()
        if pair is None:
            return
        try:
            self._serve(pair)
        except (ValueError, SSL.Error) as error:
            self.record.set_aside(explain(error) if isinstance(error, SSL.Error) else str(error))
        else:
            self._window, self._window_at = None, 0.0

    def _serve(self, pair: KeyPair) -> None:
        self.source.serve(pair)
        self._tell_waiting()

    async def _look_at_window(self) -> None:
        """Ask what the directory suggests; that it can not be asked changes nothing."""
        pair, now = self.source.pair, self._wall()
        if pair is None or now < self._window_at:
            return
        least, usual, most = SUGGESTED
        self._window_at = now + usual
        directory = self._account.directory
        try:
            if not directory.known:
                await directory.look()
            place, name = directory.address("renewalInfo"), certificate_id(pair.chain)
            if not place or not name:
                return
            reply = await directory.get(f"{place.rstrip('/')}/{name}")
        except AcmeFailed as error:
            self.log.debug("ACME: no suggestion for {name}: {why}", name=self.wanted.label, why=str(error))
            return
        asked = directory.wait(reply)
        self._window_at = now + min(most, max(least, usual if asked is None else asked))
        window = read_window(reply.document())
        if window is not None and window != self._window:
            self._window = window
            self.log.info(
                "ACME: the directory suggests to renew {name} in {delay}{why}",
                name=self.wanted.label, delay=_words(max(0.0, self.due - now)),
                why=f" ({window.why})" if window.why else "",
            )  # fmt: skip


def _words(seconds: float) -> str:
    """A length of time for people."""
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} seconds"
