"""What the gateway is, and how it does."""

from __future__ import annotations

import os

from msgspec import Struct

from toron.admin.endpoint import Call, Endpoint
from toron.admin.running import Worker


class Listener(Struct):
    """A bound address."""

    name: str
    protocol: str
    """Empty, as the address, of one that leaves: it is in no configuration any more."""
    address: str
    port: int
    connections: int
    """Open now (of UDP: sessions)."""
    accepted: int
    """Since the start; 0 of one that leaves."""
    leaving: bool
    """Whether nobody new is let in: it goes when who is in has finished."""


class Configuration(Struct):
    """Where the configuration comes from, and how changes of it went."""

    file: str
    source: str
    """`file`, or `api` where what serves was sent to this API and is in no file."""
    since: float
    """When it was taken into service (Unix seconds)."""
    applied: int
    """Reloads that were taken into service."""
    rejected: int
    successful: bool
    """Whether the last reload was."""


class Status(Struct):
    """The gateway."""

    version: str
    pid: int
    started: float
    """Unix seconds."""
    uptime: float
    """Seconds."""
    ready: bool
    reasons: list[str]
    """Why it is not ready."""
    api_address: str
    listeners: list[Listener]
    workers: list[Worker]
    """Empty where one process does it all."""
    configuration: Configuration


async def status(call: Call) -> Status:
    """Of this moment."""
    gateway = call.gateway
    await gateway.refresh()
    now = gateway.wall()
    admin = gateway.serving.config.admin
    return Status(
        version=gateway.version,
        pid=os.getpid(),
        started=round(gateway.started, 3),
        uptime=round(now - gateway.started, 3),
        ready=gateway.readiness.ready,
        reasons=gateway.readiness.reasons,
        api_address="" if admin is None else f"{admin.address}:{admin.port}",
        listeners=_listeners(call),
        workers=[] if gateway.fleet is None else gateway.fleet.workers(),
        configuration=_configuration(call),
    )


def _listeners(call: Call) -> list[Listener]:
    gateway = call.gateway
    specs = {spec.label: spec for spec in gateway.serving.config.listeners}
    found = []
    for each in gateway.root.listeners:
        leaving = each in gateway.root.leaving
        spec = None if leaving else specs.get(each.listener)
        stats = None if leaving else gateway.metrics.of_listener(each.listener)
        found.append(
            Listener(
                name=each.listener,
                protocol="" if spec is None else spec.kind,
                address="" if spec is None else spec.address or "",
                port=each.port,
                connections=len(each.connections) if stats is None else stats.active,
                accepted=0 if stats is None else stats.connections,
                leaving=leaving,
            )
        )
    return found


def _configuration(call: Call) -> Configuration:
    reloads = call.gateway.configuring
    stats = reloads.stats
    return Configuration(
        file=reloads.path,
        source=reloads.source,
        since=round(stats.applied_at, 3),
        applied=stats.results["applied"],
        rejected=stats.results["rejected"],
        successful=stats.successful,
    )


ENDPOINTS = (
    Endpoint(
        "GET", "/status", status, Status,
        "What this gateway is, whether it is ready, its listeners, workers and configuration",
    ),
)  # fmt: skip
