"""Writes a loaded configuration out with every default, and without its secrets."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel, SecretStr

from toron.config.catalog import Plugin
from toron.config.check_backend import ENCRYPTED, KINDS, ONLY_HTTP
from toron.config.check_listener import ALLOWED
from toron.config.load import Loaded
from toron.config.model import Backend, Config, Health, Listener
from toron.config.place import HIDDEN, Path
from toron.config.scalar import resolve

_MASK = str(SecretStr("x"))
"""What pydantic writes for a secret that is not our Secret."""


def effective(loaded: Loaded) -> dict[str, Any]:
    """The configuration as it is in force: plain data, in the words of the file, secrets as `<secret>`.

    A secret is a field of a secret type, and any value of a plug-in's options that came from a
    variable. Keys that have no value, or that say nothing to what they stand in, are left out.
    """
    found = _dump_in_parts(loaded.config)
    for path, plugin in loaded.plugins.items():
        by_name = path[0] != "middlewares" and loaded.plugins.get(("middlewares", plugin.name)) is plugin
        if not by_name:
            _write(found, path, plugin, _options(loaded, path, plugin))
    return found


class _Writer(yaml.SafeDumper):
    """Quotes the text that toron, unlike PyYAML, would read as a number: `1e3`, `0o17`."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """One string."""
        style = None if isinstance(resolve(text), str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal parts out each time, for a reader."""
        return True


_Writer.add_representer(str, _Writer.represent_text)


def write_yaml(data: Any) -> str:
    """Plain data as YAML that reads back as the same."""
    return yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=True)


def _write(found: dict[str, Any], path: Path, plugin: Plugin, options: Any) -> None:
    holder: Any = found
    for step in path[:-1]:
        holder = holder[step]
    last: Any = path[-1]
    if path[0] == "middlewares":
        holder[last] = {"type": plugin.word} | (options if isinstance(options, dict) else {})
    elif options or isinstance(holder[last], dict):
        holder[last] = {plugin.word: options}


def _options(loaded: Loaded, path: Path, plugin: Plugin) -> Any:
    options = {"": _dump(plugin.options)}
    long = set()
    for where, text in loaded.variables.items():
        if where[: len(path)] == path:
            steps = where[len(path) :]
            _hide_at(options, steps if path[0] == "middlewares" else steps[1:])
            long |= {text} if len(text) > 3 else set()
    return _hide(options[""], long)


def _hide_at(options: dict[str, Any], steps: Path) -> None:
    """Hide what stands at `steps`, or what is left of the way there when the model changed it."""
    holder: Any = options
    last: Any = ""
    for step in steps:
        inner = holder[last]
        inside = (
            step in inner
            if isinstance(inner, dict)
            else isinstance(inner, list) and step in range(len(inner))
        )
        if not inside:
            break
        holder, last = inner, step
    holder[last] = HIDDEN


def _hide(value: Any, texts: set[str]) -> Any:
    """The same data without any of `texts`, wherever else the model has put them."""
    if isinstance(value, dict):
        return {key: _hide(inner, texts) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hide(inner, texts) for inner in value]
    if isinstance(value, str) and (value == _MASK or any(text in value for text in texts)):
        return HIDDEN
    return value


def _dump(model: BaseModel) -> Any:
    return _brief(model, model.model_dump(mode="json", by_alias=True))


def _dump_in_parts(config: Config) -> dict[str, Any]:
    """The same as `_dump`, route by route: other threads do not get their turn in the midst of a dump."""
    found: dict[str, Any] = _dump(config.model_copy(update={"routes": ()}))
    if config.routes:
        found["routes"] = [_dump(route) for route in config.routes]
    return {key: found[key] for key in Config.model_fields if key in found}


def _brief(value: Any, shown: Any) -> Any:
    """`shown`, the dump of `value`, without defaults that are empty."""
    if isinstance(value, BaseModel) and isinstance(shown, dict):
        silent = _silent(value)
        left = {}
        for name, field in type(value).model_fields.items():
            key, inner = field.alias or name, getattr(value, name)
            empty = inner is None or (not shown.get(key) and inner == field.get_default())
            if key in shown and not empty and key not in silent:
                left[key] = _brief(inner, shown[key])
        return left | {key: shown[key] for key in shown.keys() & (value.model_extra or {}).keys()}
    if isinstance(value, tuple | list) and isinstance(shown, list) and len(value) == len(shown):
        return [_brief(*pair) for pair in zip(value, shown, strict=True)]
    if isinstance(value, dict) and isinstance(shown, dict):
        return {key: _brief(value.get(key), inner) for key, inner in shown.items()}
    return shown


def _silent(value: BaseModel) -> set[str]:
    """The keys that mean nothing where they stand, so that writing them would be an error."""
    if isinstance(value, Listener):
        return {key for key, (allowed, _) in ALLOWED.items() if value.kind not in allowed}
    if isinstance(value, Health):
        return {"method", "status"} if value.path is None else set()
    if isinstance(value, Backend):
        schemes = set(value.schemes)
        keys = set() if all(KINDS.get(scheme) == "http" for scheme in schemes) else set(ONLY_HTTP)
        keys |= set() if schemes & ENCRYPTED else {"tls"}
        return keys | ({"retries"} if "udp" in schemes else set())
    return set()
