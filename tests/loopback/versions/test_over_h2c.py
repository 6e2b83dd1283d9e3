"""Everything that runs over HTTP/1.1, over HTTP/2, by prior knowledge: only how to connect is another."""

from __future__ import annotations

from tests.loopback.versions import (
    test_bodies,
    test_connections,
    test_endings,
    test_heads,
    test_middle,
    test_pressure,
    test_records,
    test_stopping,
    test_timeouts,
    test_tunnels,
)
from tests.loopback.versions.ways import H2C


class Bodies(test_bodies.Bodies):
    way = H2C


class Connections(test_connections.Connections):
    way = H2C


class Endings(test_endings.Endings):
    way = H2C


class Heads(test_heads.Heads):
    way = H2C


class Middle(test_middle.Middle):
    way = H2C


class Pressure(test_pressure.Pressure):
    way = H2C


class Records(test_records.Records):
    way = H2C


class Stopping(test_stopping.Stopping):
    way = H2C


class Timeouts(test_timeouts.Timeouts):
    way = H2C


class Tunnels(test_tunnels.Tunnels):
    way = H2C
