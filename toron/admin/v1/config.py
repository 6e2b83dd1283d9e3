"""The configuration that serves: reads it, changes it, and loads the file again."""

from __future__ import annotations

from msgspec import Struct

from toron.admin.endpoint import Call, Endpoint, Text
from toron.admin.pages import JSON, Page
from toron.admin.problem import Mistake, Refused
from toron.admin.running import Outcome

YAML = "application/yaml"


class Applied(Struct):
    """A configuration was taken into service."""

    result: str
    """`applied`."""
    source: str
    """`file`, or `api` where it was sent here; then it is in no file."""
    seconds: float
    """How long that took."""
    etag: str
    """Of the configuration that serves now."""
    warnings: list[Mistake]


async def config(call: Call) -> Page:
    """The configuration in force."""
    written = await call.gateway.configuring.written()
    call.etag = written.etag
    wanted = call.accept.partition(",")[0].partition(";")[0].strip().lower()
    if wanted in (YAML, "application/x-yaml", "text/yaml"):
        return Page(200, YAML, await call.gateway.configuring.yaml())
    return Page(200, JSON, written.json)


async def apply(call: Call) -> Applied:
    """Take the configuration in the body into service."""
    extension = {"application/json": ".json", "application/toml": ".toml"}.get(call.media, ".yaml")
    outcome = await call.gateway.configuring.apply(call.body, extension, only=bool(call.if_match))
    return await _ended(call, outcome)


async def reload(call: Call) -> Applied:
    """Load the file again."""
    return await _ended(call, await call.gateway.configuring.load_again(only=bool(call.if_match)))


async def _ended(call: Call, outcome: Outcome) -> Applied:
    """What is said of it; raises Refused where it was rejected."""
    call.note = outcome.result
    errors = [each for each in outcome.problems if each.severity == "error"]
    if outcome.result != "applied":
        count = "1 mistake" if len(errors) == 1 else f"{len(errors)} mistakes"
        raise Refused(
            422, "rejected", f"the configuration has {count}: nothing was changed",
            "put right what is under problems, and ask again", problems=outcome.problems,
        )  # fmt: skip
    reloads = call.gateway.configuring
    call.etag = await reloads.etag()
    return Applied(
        "applied", reloads.source, round(outcome.seconds, 3), call.etag,
        [each for each in outcome.problems if each.severity != "error"],
    )  # fmt: skip


ENDPOINTS = (
    Endpoint(
        "GET", "/config", config, dict, "The configuration that serves, with every default and no secret",
        refusals=(501,), also=YAML,
    ),
    Endpoint(
        "POST", "/config", apply, Applied,
        "Take a configuration into service as if the file said it; the file is not changed",
        body=Text, refusals=(422, 501), conditional=True,
    ),
    Endpoint(
        "POST", "/reload", reload, Applied, "Load the file again, and wait for the end of that",
        refusals=(422, 501), conditional=True,
    ),
)  # fmt: skip
