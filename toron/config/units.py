"""The small words of a configuration: durations, sizes, rates, shares and networks."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from toron.config.wording import Word

UNLIMITED = 1 << 62
"""What the word `unlimited` means for a size, in bytes."""

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,15})([kmg]?)b?")
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/([0-9]{0,9})(s|m|h|d)")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%")


def _digits(number: float) -> str:
    """A number without an exponent, as the patterns above read it."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class RateValue:
    """So many events in so many seconds; prints as it is written: `100/s`."""

    count: float
    seconds: float

    @property
    def per_second(self) -> float:
        """Events a second."""
        return self.count / self.seconds

    def __str__(self) -> str:
        words = {1.0: "s", 60.0: "m", 3600.0: "h", 86400.0: "d"}
        return f"{_digits(self.count)}/{words.get(self.seconds, f'{_digits(self.seconds)}s')}"


def parse_duration(value: Any) -> float:
    """Turn `10s`, `250ms`, `1m30s` or `0` into seconds; ValueError says what to write."""
    if value == 0 and not isinstance(value, bool):
        return 0.0
    if isinstance(value, str):
        text = value.strip().lower()
        if text == "0":
            return 0.0
        parts = _DURATION.findall(text)
        if parts and "".join(n + u for n, u in parts) == text:
            return sum(float(n) * _SECONDS[u] for n, u in parts)
    raise ValueError("not a duration: write a number with a unit, such as 250ms, 10s, 5m or 1h")


def parse_size(value: Any) -> int:
    """Turn `512`, `64k`, `10m`, `1g` or `unlimited` into bytes; ValueError says what to write."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        text = value.strip().lower()
        if text == "unlimited":
            return UNLIMITED
        found = _SIZE.fullmatch(text)
        if found:
            return int(found[1]) * _BYTES[found[2]]
    raise ValueError("not a size: write bytes or a unit, such as 64k, 10m, 1g or unlimited")


def parse_rate(value: Any) -> RateValue:
    """Turn `100/s`, `5/m` or `1000/15m` into a RateValue; ValueError says what to write."""
    if isinstance(value, RateValue):
        return value
    if isinstance(value, str):
        found = _RATE.fullmatch(value.strip().lower())
        if found and float(found[1]) > 0 and int(found[2] or 1) > 0:
            return RateValue(float(found[1]), int(found[2] or 1) * _SECONDS[found[3]])
    raise ValueError("not a rate: write a count and a time above zero, such as 100/s, 30/m or 1000/h")


def parse_share(value: Any) -> float:
    """Turn `20%` into 0.2; ValueError says what to write."""
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    if isinstance(value, str):
        found = _SHARE.fullmatch(value.strip())
        if found and float(found[1]) <= 100:
            return float(found[1]) / 100
    raise ValueError("not a share: write a percentage from 0% to 100%")


def parse_network(value: Any) -> Network:
    """Turn `10.0.0.0/8`, `::1` or `192.0.2.7` into a network; ValueError says what to write."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if isinstance(value, str):
        try:
            return ipaddress.ip_network(value.strip())
        except ValueError as error:
            if "host bits" in str(error):
                fixed = ipaddress.ip_network(value.strip(), strict=False)
                raise ValueError(f"the address has bits beyond the prefix: write {fixed}") from None
    raise ValueError("not an address or network: write one such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32")


def write_duration(seconds: float) -> str:
    """The shortest exact way to write a duration."""
    if seconds and seconds < 1:
        return f"{_digits(seconds * 1000)}ms"
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{_digits(seconds / size)}{unit}"
    return f"{_digits(seconds)}s"


def write_size(size: int) -> str:
    """The shortest exact way to write a size."""
    if size >= UNLIMITED:
        return "unlimited"
    for unit, factor in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def _word(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration, return_type=str),
    _word(r"^(\d+(\.\d+)?(ms|s|m|h|d))+$|^0$", "10s"),
    Word("duration"),
]
"""Seconds as a float, written `10s`."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(write_size, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": ["10m"]}),
    Word("size"),
]
"""Bytes as an int, written `10m`."""

Rate = Annotated[
    RateValue,
    BeforeValidator(parse_rate),
    PlainSerializer(str, return_type=str),
    _word(r"^\d+(\.\d+)?/\d*(s|m|h|d)$", "100/s"),
    Word("rate"),
]
"""A RateValue, written `100/s`."""

Share = Annotated[
    float,
    BeforeValidator(parse_share),
    PlainSerializer(lambda share: f"{_digits(share * 100)}%", return_type=str),
    _word(r"^\d+(\.\d+)?%$", "20%"),
    Word("share"),
]
"""A fraction from 0 to 1, written `20%`."""

Cidr = Annotated[
    Network,
    BeforeValidator(parse_network),
    PlainSerializer(str, return_type=str),
    _word(r"^[0-9a-fA-F.:]+(/\d+)?$", "10.0.0.0/8"),
    Word("network"),
]
"""An IPv4Network or IPv6Network, written `10.0.0.0/8`."""
