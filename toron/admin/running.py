"""What the admin port can ask of the gateway: itself, what reloads it, and its workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec import Struct

from toron.admin.changes import Apply, HistoryEntry, Plan, Progress, Rollback
from toron.admin.problem import Mistake, Refused
from toron.net.living import Found, Wanted, look
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness
from toron.observe.recent import Wanted as Remembered
from toron.observe.reloads import Reloads

if TYPE_CHECKING:
    from toron.config.model import Config
    from toron.core.backend import Backend


class Served(Protocol):
    """A backend with its settings."""

    backend: Backend
    spec: Any


class RouteNames(Protocol):
    """The routes of a composition."""

    def name(self, index: int) -> str:
        """What logs and metrics call one of them."""


class Renewing(Protocol):
    """What looks after certificates that renew themselves."""

    @property
    def upkeeps(self) -> Sequence[Any]:
        """One for each certificate (`toron.acme.upkeep`)."""

    def renew(self, name: str) -> bool:
        """Renew all certificates for a name now; whether there are any."""


class Acme(Protocol):
    """The certificates of a composition that renew themselves."""

    @property
    def keeper(self) -> Renewing | None:
        """None where there are none."""


class Serving(Protocol):
    """A composition."""

    @property
    def routes(self) -> RouteNames:
        """Its routes."""

    @property
    def config(self) -> Config:
        """As it was loaded."""

    @property
    def acme(self) -> Acme:
        """Its certificates that renew themselves."""

    @property
    def groups(self) -> Sequence[Served]:
        """Its backends."""

    @property
    def route_places(self) -> Sequence[str]:
        """Where each route was written, as `file:line:column`."""

    @property
    def backend_places(self) -> Mapping[str, str]:
        """Where each backend was written, by name."""


class Outcome(Struct):
    """What became of a new configuration."""

    result: str
    """`applied`, or `rejected`: then nothing was changed."""
    seconds: float
    """How long it took."""
    problems: list[Mistake] = []
    """Why it was rejected, and warnings."""


class Written(NamedTuple):
    """The configuration that serves."""

    json: bytes
    """In the words of the file, with every default, secrets as `<secret>`."""
    etag: str
    """A hash of that: the same for the same configuration."""


class Configuring(Protocol):
    """What changes the configuration of a running gateway."""

    path: str
    """The file that is loaded."""

    @property
    def source(self) -> str:
        """`file`, or `api` where what serves was sent to the admin port."""

    @property
    def stats(self) -> Reloads:
        """How reloads went."""

    @property
    def serving(self) -> Serving:
        """The composition that serves."""

    async def etag(self) -> str:
        """The entity tag of the configuration that serves."""

    async def written(self) -> Written:
        """The configuration that serves; worked out beside the loop, once for each configuration."""

    async def yaml(self) -> bytes:
        """The same as YAML."""

    async def load_again(self, *, only: bool = False) -> Outcome:
        """Load the file again; returns when it is in service, or rejected.

        With `only`, Refused where what serves now does not when its turn comes.
        """

    async def apply(self, text: bytes, extension: str, *, only: bool = False) -> Outcome:
        """Take this text into service as if the file said it; `extension` tells its format (`.yaml`)."""


class Changing(Protocol):
    """What plans changes, makes them on approval and takes them back; each method may raise Refused."""

    async def plan(self, text: bytes, extension: str, name: str) -> Plan:
        """What this text would do if it was applied; problems call it `name`."""

    async def apply(self, asked: Apply, *, only: bool = False) -> Progress:
        """Take a text into service, and watch it where that is asked for.

        With `only`, only in the place of what serves now.
        """

    async def confirm(self) -> Progress:
        """Keep what waits for that."""

    async def rollback(self, asked: Rollback, *, only: bool = False) -> Progress:
        """Take what served before into service; `only` as in `apply`."""

    def progress(self) -> Progress:
        """How the change goes that waits, or how the last one went."""

    async def entries(self, limit: int) -> list[HistoryEntry]:
        """The latest of the history, the newest first."""

    async def entry(self, number: int) -> HistoryEntry:
        """One of the history, with its diff."""


class Worker(Struct):
    """A process that serves."""

    number: int
    pid: int
    ready: bool
    uptime: float
    """Seconds."""
    lag: float
    """Seconds that its event loop was late."""
    cpu: float
    """Seconds of CPU time."""
    resident: int
    """Bytes of memory."""


class Fleet(Protocol):
    """The workers, where there are any."""

    def workers(self) -> list[Worker]:
        """All that live."""

    async def connections(self, wanted: Wanted) -> Found:
        """What lives in all of them."""


class Remembering(Protocol):
    """What is remembered of requests and connections that are over."""

    async def lines(self, wanted: Remembered) -> list[dict[str, Any]]:
        """The access lines of what is as wanted, the newest first."""

    async def record(self, id: str) -> dict[str, Any] | None:
        """The decision record of one of them; None where it is not remembered."""


class Running:
    """The gateway, for as long as the process lives. `wall` gives Unix seconds."""

    def __init__(
        self,
        reactor: Any,
        wall: Callable[[], float],
        version: str,
        metrics: Metrics,
        readiness: Readiness,
        composed: Serving,
    ) -> None:
        self.reactor = reactor
        self.wall = wall
        self.version = version
        self.metrics = metrics
        self.readiness = readiness
        self.started = wall()
        self.root: Any = None
        """The service tree (`net.gateway`)."""
        self.fleet: Fleet | None = None
        self.remembering: Remembering | None = None
        """What tells why requests went where they went."""
        self._composed: Serving | None = composed
        self._control: Configuring | None = None
        self._changing: Changing | None = None

    @property
    def composed(self) -> Serving | None:
        """The composition that it was made for, until something controls it."""
        return self._composed

    def control(self, configuring: Configuring) -> None:
        """Let this tell of the configuration, and change it."""
        self._control = configuring
        # It may have been replaced, and is let go of then.
        self._composed = None

    @property
    def configuring(self) -> Configuring:
        """What tells of the configuration; Refused where nothing does: somebody has composed it by hand."""
        if self._control is None:
            raise Refused(
                501, "no_control", "nothing tells of the configuration here", "start it with toron run"
            )
        return self._control

    def changing_with(self, changing: Changing) -> None:
        """Have changes planned, confirmed and taken back by this."""
        self._changing = changing

    @property
    def changing(self) -> Changing:
        """What plans changes and makes them; Refused where nothing does: somebody has composed it by hand."""
        if self._changing is None:
            raise Refused(
                501, "no_control", "nothing changes the configuration here", "start it with toron run"
            )
        return self._changing

    @property
    def serving(self) -> Serving:
        """The composition that serves now."""
        return self.configuring.serving if self._composed is None else self._composed

    async def refresh(self) -> None:
        """Have the numbers of other processes brought up to date."""
        if self.metrics.refresh is not None:
            await self.metrics.refresh()

    async def connections(self, wanted: Wanted) -> Found:
        """What lives, here or in the workers."""
        if self.fleet is not None:
            return await self.fleet.connections(wanted)
        return await look(self.reactor, self.root.listeners, wanted, self.wall)
