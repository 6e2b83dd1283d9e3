"""Applies a configuration on approval: watches how it goes, and goes back by itself where it does not."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final

from twisted.application.service import Service
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron import plugin
from toron.admin.changes import Apply, HistoryEntry, Plan, Progress, Rollback
from toron.admin.problem import Mistake, Refused
from toron.changing.asked import FORMATS, check_saving, check_scopes, condition, mistakes, named, window
from toron.changing.beside import beside
from toron.changing.condition import Condition
from toron.changing.history import RETURN, WAITING, WENT_BACK, History, Past
from toron.changing.own_file import OwnFile, said
from toron.changing.planning import mistake, planned
from toron.changing.watch import Watch
from toron.config.kept import given_back, with_places
from toron.config.load import Loaded, load_text
from toron.config.place import Invalid
from toron.core.wait import Task
from toron.net.living import Found, Wanted
from toron.reload import FILE, SENT, WHAT_WAS_SENT, Overtaken, Reload

TORON = "toron"
"""The author of what is done without anybody."""

IDLE, APPLYING, WATCHING, SAVING, RETURNING = "idle", "applying", "watching", "saving", "going back"

_STEPS: Final = {
    (IDLE, "apply"): APPLYING,
    (APPLYING, "rejected"): IDLE,
    (APPLYING, "keep"): SAVING,
    (APPLYING, "watch"): WATCHING,
    (WATCHING, "keep"): SAVING,
    (WATCHING, "replace"): IDLE,
    (WATCHING, "stop"): IDLE,
    (WATCHING, "return"): RETURNING,
    (SAVING, "saved"): IDLE,
    (RETURNING, "returned"): IDLE,
}
"""What may happen when, and the state after it."""


class Changing(Service):
    """The changes of one gateway, one after the other.

    `begun` is what it began with, and `look` tells what lives. The file at `path` says what serves after
    the next start: it is replaced when a change is final, so that one that waits for its confirmation does
    not outlive the process.
    """

    def __init__(
        self, reload: Reload, path: str, begun: Loaded, look: Callable[[Wanted], Awaitable[Found]]
    ) -> None:
        self._reload = reload
        self._reactor = reload.current.reactor
        self._path = path
        self._look = look
        self.history = History(reload.current.wall)
        self._file = OwnFile(path, self.history.knows)
        self._watch = Watch(self._reactor, reload.current.metrics)
        self._state = IDLE
        self._entry: Past | None = None
        """The change that is watched, or was last."""
        self._before = b""
        """What served before it (see `config.kept`)."""
        self._asked = Apply("")
        self._saved = self._saved_before = True
        self._warnings: list[Mistake] = []
        self._begun = begun.places.file, begun.places.text, self._included(begun)
        self._log = Logger(namespace="toron")
        reload.changed = self._changed

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        # Not before: its files belong to the user that this process has become.
        self._configure()
        self.history.begin(*self._begun)
        self._watch.start()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._state == WATCHING:
            entry = self._decided("stop", WENT_BACK, "the gateway was stopped before it was confirmed")
            self._log.warn("change {id} was not confirmed: the file says what was before", id=entry.id)
        self._watch.stop()

    def _step(self, event: str) -> None:
        if (self._state, event) not in _STEPS:
            raise self._busy()
        self._state = _STEPS[self._state, event]

    def _busy(self) -> Refused:
        entry = self._entry
        if self._state == IDLE:
            then = "apply one first: toron apply FILE --confirm 60s"
            if entry is not None and entry.result == WENT_BACK:
                then = f"the last one went back: {entry.reason}; apply it again"
            return Refused(409, "nothing_waits", "no change waits for a confirmation", then)
        detail = f"another change is {self._state}"
        if self._state == WATCHING and entry is not None:
            detail = f"change {entry.id} waits to be decided, for {self._watch.left:.0f} s more"
        return Refused(
            409, "change_under_way", detail, "toron confirm keeps it, toron rollback takes it back"
        )

    # --- what serves --------------------------------------------------------------------------

    def _configure(self) -> None:
        spec = self._reload.current.config.history
        folder = None if spec.path is None else os.path.join(os.path.dirname(self._path), spec.path)
        self.history.configure(spec.keep, folder)

    def _changed(self, by: str, loaded: Loaded) -> None:
        """Another configuration serves; `by` is empty where it is ours."""
        self._configure()
        if not by:
            return
        if self._state == WATCHING:
            entry = self._decided("replace", WENT_BACK, f"{by} took another configuration into service")
            self._log.warn("change {id} was replaced: {by}", id=entry.id, by=by)
        serving = self.history.serving
        included = self._included(loaded)
        if serving is None or not serving.says(loaded.places.text, included):
            self.history.add(by, "", loaded.places.file, loaded.places.text, included)
        self._saved = self._reload.source == FILE

    def _decided(self, event: str, result: str, reason: str) -> Past:
        """Nobody watches it any more."""
        self._step(event)
        self._watch.end()
        self._before = b""
        entry = self._entry
        assert entry is not None
        self._note(entry, result, reason)
        return entry

    def _note(self, entry: Past, result: str, reason: str = "") -> None:
        entry.result, entry.reason = result, reason
        self.history.write(entry)

    # --- telling ------------------------------------------------------------------------------

    async def plan(self, text: bytes, extension: str, name: str) -> Plan:
        """What this text would do if it was applied; raises Refused where it has mistakes."""
        fits = name.lower().endswith((*FORMATS.values(), ".yml"))
        called = name if fits else f"{name or 'new'}{extension}"
        try:
            return await planned(self._reload, partial(self._load, text, called), self._look)
        except Invalid as invalid:
            raise mistakes(invalid) from None
        except OSError as error:
            raise Refused(422, "rejected", str(error), "look at the log of the gateway") from None

    def progress(self) -> Progress:
        """How the change goes that waits, or how the last one went."""
        entry = self._entry or self.history.serving
        assert entry is not None
        return Progress(
            state=self._state, id=entry.id, result="applied" if entry.result == RETURN else entry.result,
            reason=entry.reason, left=round(self._watch.left, 1),
            needs="confirmation" if self._state == WATCHING and self._asked.confirm else "nothing",
            figures=list(self._watch.figures), saved=self._saved, file=self._path, warnings=self._warnings,
        )  # fmt: skip

    async def entries(self, limit: int) -> list[HistoryEntry]:
        """The latest of the history, the newest first."""
        return await beside(self._reactor, lambda: self.history.told(limit))

    async def entry(self, number: int) -> HistoryEntry:
        """One of the history, with its diff."""
        found = self.history.find(number)
        if found is None:
            raise self._unknown(number)
        return await beside(self._reactor, partial(self.history.one, found))

    def _unknown(self, number: int) -> Refused:
        known = [str(each.id) for each in self.history.entries[-50:]]
        return Refused(
            404, "unknown_entry", f"there is no such entry of the history: {number}",
            "take one that toron history shows", known=known,
        )  # fmt: skip

    # --- doing --------------------------------------------------------------------------------

    async def apply(
        self, asked: Apply, *, only: bool = False, included: Mapping[str, bytes] | None = None
    ) -> Progress:
        """Take a text into service, and begin to watch it where that is asked for; raises Refused.

        With `only`, only in the place of what serves now. With `included`, these texts are taken in by it,
        and not what the files say.
        """
        meant = self._reload.kept if only else None
        seconds, when = window(asked), condition(asked)
        name = named(self._path, asked.format)
        text = asked.configuration.encode()
        before: list[bytes] = []
        taken: dict[str, bytes] = {}

        def read() -> Loaded:
            # Whatever was asked for earlier has been done by now.
            before.append(self._reload.kept)
            fresh = self._load(text, name, included)
            taken.update(self._included(fresh))
            return fresh

        self._step("apply")
        try:
            if asked.save:
                check_saving(self._path, asked.format)
                if not asked.overwrite and await beside(self._reactor, partial(self._file.edited, text)):
                    raise self._edited()
            if when is not None and any(scope.kind for scope in when.scopes()):
                await beside(self._reactor, partial(self._check_scopes, when, text, name, included))
            await self._watch.remember()
            self._warnings = await self._change(read, WHAT_WAS_SENT, meant, {name: asked.name or name})
        except BaseException:
            self._step("rejected")
            raise
        self._asked, self._before = asked, before[0] if seconds else b""
        self._saved_before, self._saved = self._saved, False
        entry = self._entry = self.history.add(asked.author, asked.message, name, text, taken)
        if seconds:
            await self._wait(entry, seconds, when)
        else:
            self._step("keep")
            await self._save(text)
        return self.progress()

    def _check_scopes(
        self, when: Condition, text: bytes, name: str, included: Mapping[str, bytes] | None
    ) -> None:
        try:
            check_scopes(when, self._load(text, name, included).config)
        except Invalid:
            return  # the change will say what is wrong with it

    async def confirm(self) -> Progress:
        """Keep what waits; raises Refused where nothing does."""
        if self._state != WATCHING:
            raise self._busy()
        await self._keep("confirmed")
        return self.progress()

    async def rollback(self, asked: Rollback, *, only: bool = False) -> Progress:
        """Take what served before into service; raises Refused where there is none, or it has mistakes.

        With `only`, only in the place of what serves now.
        """
        if self._state == WATCHING and asked.steps == 1 and not asked.id:
            await self._return("asked", f"{asked.author} asked for it")
            return self.progress()
        back = self.history.find(asked.id) if asked.id else self.history.steps_back(asked.steps)
        if back is None:
            raise self._unknown(asked.id or asked.steps)
        message = asked.message or f"back to {back.id}"
        extension = os.path.splitext(back.name)[1].lower().replace(".yml", ".yaml")[1:]
        text = (await beside(self._reactor, lambda: back.text)).decode()
        to = Apply(
            text, extension, f"{back.name} ({back.id})", asked.author, message,
            save=asked.save, overwrite=asked.overwrite,
        )  # fmt: skip
        included = await beside(self._reactor, lambda: back.included)
        await self.apply(to, only=only, included=included)
        self._reload.stats.went_back("asked")
        for name in await beside(self._reactor, partial(self._others, included)):
            self._saved, self._reload.source = False, SENT
            self._warn(
                "it is not what serves since the rollback: put back what it was, or toron reload takes it",
                name,
            )
        return self.progress()

    def _others(self, included: Mapping[str, bytes]) -> list[str]:
        """The included files that say something else now."""
        return [name for name, text in included.items() if said(os.path.join(self._folder, name)) != text]

    def _edited(self) -> Refused:
        return Refused(
            409, "file_edited", f"somebody has edited {self._path}: what it says has never served",
            "toron reload takes what it says; with --overwrite it is replaced all the same",
        )  # fmt: skip

    def _load(self, text: bytes, name: str, included: Mapping[str, bytes] | None = None) -> Loaded:
        if included is not None:
            included = {os.path.join(self._folder, each): what for each, what in included.items()}
        return load_text(text, name, self._folder, plugin, os.environ, included=included)

    @property
    def _folder(self) -> str:
        return os.path.dirname(self._path)

    def _included(self, loaded: Loaded) -> dict[str, bytes]:
        """What it includes, by the paths from the folder of the file."""
        return {os.path.relpath(name, self._folder): text for name, text in loaded.places.included.items()}

    async def _change(
        self,
        read: Callable[[], Loaded],
        called: str,
        only: bytes | None = None,
        names: Mapping[str, str] | None = None,
    ) -> list[Mistake]:
        """Have it taken into service: the warnings; raises Refused, with files called as `names` has it."""
        try:
            return list(map(mistake, await self._reload.change(read, "", called, only=only)))
        except Overtaken:
            raise Refused(
                412,
                "stale",
                "the configuration is not what it was: another change came first",
                "look at GET /api/v1/config again, and send the change for what serves now",
            ) from None
        except Invalid as invalid:
            raise mistakes(invalid, names) from None
        except OSError as error:
            raise Refused(
                422, "rejected", f"nothing was changed: {error}", "put that right, and send it again"
            ) from None

    # --- until it is decided ------------------------------------------------------------------

    async def _wait(self, entry: Past, seconds: float, when: Condition | None) -> None:
        self._note(entry, WAITING)
        self._step("watch")
        self._log.info("change {id} waits to be decided: {seconds:g} s", id=entry.id, seconds=seconds)

        def over() -> None:
            if self._asked.confirm:
                self._do(self._return("not_confirmed", f"not confirmed within {self._asked.window}"))
            else:
                self._do(self._keep("applied"))

        def holds(why: str) -> None:
            self._do(self._return("condition", why))

        await self._watch.begin(seconds, when, self._asked.requests, over, holds)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        def ended(_: None, error: BaseException | None) -> None:
            if error is not None:
                self._log.failure("a change could not be ended", Failure(error))

        if self._state != WATCHING or getattr(self.parent, "stopping", False):
            # The end of the process decides: see stopService.
            work.close()
            return
        Task(work, ended).start()

    async def _keep(self, result: str) -> None:
        entry = self._decided("keep", result, "")
        self._log.info("change {id} is kept: {result}", id=entry.id, result=result)
        await self._save(entry.text)

    async def _save(self, text: bytes) -> None:
        """Replace the file, where that is wanted."""
        problem = ""
        try:
            if self._asked.save:
                self._reload.writes(text)
                problem = await beside(self._reactor, partial(self._file.write, text, self._asked.overwrite))
                if not problem:
                    self._saved, self._reload.source = True, FILE
        except OSError as error:
            problem = error.strerror or str(error)
        finally:
            self._step("saved")
        if problem:
            self._warn(f"what serves could not be written to the file: {problem}")

    def _warn(self, problem: str, name: str = "") -> None:
        path = os.path.join(self._folder, name) if name else self._path
        self._log.error("{path}: {problem}", path=path, problem=problem)
        self._warnings = [*self._warnings, Mistake(path, 1, 1, "warning", problem)]

    async def _return(self, word: str, why: str) -> None:
        """Take what was before into service again."""
        before = self._before
        entry = self._decided("return", WENT_BACK, why)
        earlier = self.history.entries[max(0, self.history.entries.index(entry) - 1)]
        self._log.warn("change {id} goes back: {why}", id=entry.id, why=why)
        try:
            await self._change(lambda: with_places(given_back(before), os.environ), "what was before")
        except Refused as refused:
            detail = refused.details.detail
            self._log.error("change {id} could not go back: {detail}", id=entry.id, detail=detail)
            self._note(entry, "applied", f"it could not go back ({why}): {detail}")
        else:
            self._reload.stats.went_back(word)
            back = self.history.add(
                TORON, f"back to {earlier.id}", earlier.name, earlier.text, earlier.included
            )
            self._note(back, RETURN)
            await self._restore(entry.text, back.text)
        self._step("returned")

    async def _restore(self, wrong: bytes, right: bytes) -> None:
        """Have the file not say what went back: somebody may have applied it from there."""
        self._saved = self._saved_before
        if self._saved and self._asked.save:
            self._reload.writes(right)
            try:
                self._saved = await beside(self._reactor, partial(self._file.restore, wrong, right))
            except OSError as error:
                self._saved = False
                self._warn(f"what serves could not be written to the file: {error.strerror or error}")
        self._reload.source = FILE if self._saved else SENT
