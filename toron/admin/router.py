"""Finds the endpoint of a request: each file of `admin/v1` has some."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from urllib.parse import unquote

from toron.admin import v1
from toron.admin.endpoint import PREFIX, Endpoint
from toron.admin.problem import Refused

_NAME = re.compile(r"\{(\w+)\}")


def endpoints() -> list[Endpoint]:
    """All there are, in the order of their files."""
    names = sorted(each.name for each in iter_modules(v1.__path__))
    return [each for name in names for each in import_module(f"{v1.__name__}.{name}").ENDPOINTS]


class Router:
    """The endpoints by path; a part of a path is decoded after it was split off, so that it may hold `/`."""

    def __init__(self, all_of_them: Iterable[Endpoint]) -> None:
        self.endpoints = list(all_of_them)
        self._paths: dict[str, tuple[re.Pattern[str], dict[str, Endpoint]]] = {}
        for endpoint in self.endpoints:
            pattern = re.compile(_NAME.sub(r"(?P<\1>[^/]+)", PREFIX + endpoint.path))
            _, methods = self._paths.setdefault(endpoint.path, (pattern, {}))
            if endpoint.method in methods:
                raise ValueError(f"two endpoints are {endpoint.method} {endpoint.path}")
            methods[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint, and what stands in the path by name; raises Refused."""
        for pattern, methods in self._paths.values():
            found = pattern.fullmatch(path)
            if found is None:
                continue
            endpoint = methods.get("GET" if method == "HEAD" else method)
            if endpoint is None:
                raise self._wrong_method(method, path, methods)
            return endpoint, {name: _decoded(part) for name, part in found.groupdict().items()}
        raise Refused(
            404, "unknown_path", f"there is nothing at {path[:200]}",
            f"take one of the paths under known; {PREFIX}/openapi.json tells what each is for",
            known=[PREFIX + each for each in self._paths],
        )  # fmt: skip

    def _wrong_method(self, method: str, path: str, methods: Iterable[str]) -> Refused:
        allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
        return Refused(
            405, "wrong_method", f"{method[:20]} is not possible at {path[:200]}",
            "use one of those under known", known=allowed, headers=[("allow", ", ".join(allowed))],
        )  # fmt: skip


def _decoded(part: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise Refused(
            400, "bad_path", "a part of the path is not UTF-8", "write its bytes as %XX of UTF-8"
        ) from None
