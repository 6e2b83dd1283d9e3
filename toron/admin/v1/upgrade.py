"""Has a new process take over from this one."""

from __future__ import annotations

import re

from msgspec import Struct

from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import Mistake, Refused

_PROBLEM = re.compile(
    r"(?P<file>.+?):(?P<line>[0-9]{1,9}):(?P<column>[0-9]{1,9}): (?P<warning>warning: )?(?P<message>.+)"
)


class Upgraded(Struct):
    """A new process serves."""

    pid: int
    """Its number."""
    version: str
    """Its version of toron."""
    old_pid: int
    """The number of the process that answers this: it finishes what is in it, and ends."""
    connections: int
    """What is in that."""
    linger: float
    """Seconds that it has for it."""
    printed: list[str]
    """What the new process has written to standard error, such as warnings."""


async def upgrade(call: Call) -> Upgraded:
    """Wait until the new process serves, or does not."""
    if call.gateway.configuring.source != "file":
        raise Refused(
            409, "not_in_file", "what serves was sent to this API: a new process would load the file instead",
            "write it to the file, and load that: POST /api/v1/reload",
        )  # fmt: skip
    asked = call.gateway.root.upgrade()
    outcome = None if asked is None else await asked
    if outcome is None or outcome.result == "refused":
        why = "it was not started by toron run or twistd" if outcome is None else outcome.why
        raise Refused(409, "no_upgrade", f"nothing was done: {why}", "see which process serves, or restart")
    if outcome.result != "upgraded":
        mistakes, others = _mistakes(outcome.printed)
        said = f" ({others[-1]})" if others else ""
        call.note = "failed"
        raise Refused(
            422, "not_upgraded", f"the new process does not take over: {outcome.why}{said}",
            "nothing was changed and this process serves on, put that right and try again",
            problems=mistakes,
        )  # fmt: skip
    call.note = f"process {outcome.pid} serves"
    return Upgraded(
        outcome.pid, outcome.version, outcome.old_pid, outcome.left, outcome.linger, outcome.printed
    )


def _mistakes(printed: list[str]) -> tuple[list[Mistake], list[str]]:
    """The lines that tell of a configuration, and the others."""
    mistakes, others = [], []
    for line in printed:
        found = _PROBLEM.fullmatch(line)
        if found is None:
            others.append(line)
        else:
            severity = "warning" if found["warning"] else "error"
            mistakes.append(
                Mistake(found["file"], int(found["line"]), int(found["column"]), severity, found["message"])
            )
    return mistakes, others


ENDPOINTS = (
    Endpoint(
        "POST", "/upgrade", upgrade, Upgraded,
        "Start this program anew, and hand the sockets to it once it is ready; this process drains",
        refusals=(409, 422),
    ),
)  # fmt: skip
