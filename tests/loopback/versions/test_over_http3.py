"""Everything that runs over HTTP/1.1, over HTTP/3: only how to connect is another."""

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
from tests.loopback.versions.ways import H3


class Bodies(test_bodies.Bodies):
    way = H3


class Connections(test_connections.Connections):
    way = H3


class Endings(test_endings.Endings):
    way = H3


class Heads(test_heads.Heads):
    way = H3


class Middle(test_middle.Middle):
    way = H3


class Pressure(test_pressure.Pressure):
    way = H3


class Records(test_records.Records):
    way = H3


class Stopping(test_stopping.Stopping):
    way = H3


class Timeouts(test_timeouts.Timeouts):
    way = H3


class Tunnels(test_tunnels.Tunnels):
    way = H3
