"""Reads YAML from its events: plain data, with the place of every key and value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from toron.config.place import MAX_DEPTH, Document, Path, Place, Unreadable, quote
from toron.config.scalar import resolve

ALIAS_LIMIT = 100_000
"""Values that aliases and merge keys may copy in all: more is an alias bomb."""

_STANDARD = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


@dataclass(slots=True, eq=False)
class _Node:
    place: Place
    tag: str | None
    plain: bool = False
    text: str | None = None
    items: list[_Node] | None = None
    pairs: list[tuple[_Node, _Node]] | None = None
    known: bool = False
    """Built once already, so that the next time is a copy."""


def read_yaml(text: str, document: Document) -> None:
    """Fill `document` from one YAML document; raises Unreadable."""
    _Builder(document).build(_compose(text), ())


def _place(mark: Any) -> Place:
    return (mark.line + 1, mark.column + 1)


def _compose(text: str) -> _Node:
    loader = yaml.CSafeLoader(text)
    try:
        return _nodes(loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark is not None else (1, 1)
        raise Unreadable(place, _why(text, place, error)) from None
    except yaml.reader.ReaderError as error:
        raise Unreadable((1, 1), f"not YAML: {error.reason}") from None
    finally:
        loader.dispose()


def _why(text: str, place: Place, error: yaml.MarkedYAMLError) -> str:
    lines = text.splitlines()
    line = lines[place[0] - 1] if place[0] <= len(lines) else ""
    problem = error.problem or "this cannot be read"
    if "\t" in line[: len(line) - len(line.lstrip())] or line[place[1] - 1 : place[1]] == "\t":
        return "a tab in the indentation: write spaces"
    if "${" in line and ("'}'" in problem or "expected key" in problem or "flow" in str(error.context)):
        return 'not YAML: put quotes around a variable inside { } or [ ], such as "${PORT}"'
    context = f" {error.context}" if error.context else ""
    return (
        f"not YAML: {problem}{context}: check the indentation, the quotes and the brackets before this place"
    )


def _nodes(loader: yaml.CSafeLoader) -> _Node:
    root = _Node((1, 1), None, items=[])
    stack: list[_Node] = [root]
    waiting: list[_Node | None] = [None]
    names: list[str | None] = [None]
    anchors: dict[str, _Node] = {}
    documents = 0

    def add(node: _Node) -> None:
        top = stack[-1]
        if top.items is not None:
            top.items.append(node)
        elif top.pairs is not None:
            key = waiting[-1]
            if key is None:
                waiting[-1] = node
            else:
                top.pairs.append((key, node))
                waiting[-1] = None

    while loader.check_event():
        event: Any = loader.get_event()
        place = _place(event.start_mark)
        match event:
            case yaml.ScalarEvent():
                node = _Node(place, event.tag, plain=event.implicit[0], text=event.value)
                add(node)
                if event.anchor:
                    anchors[event.anchor] = node
            case yaml.AliasEvent():
                if event.anchor not in anchors:
                    raise Unreadable(
                        place, f"*{event.anchor} is not known here: write &{event.anchor} before it"
                    )
                add(anchors[event.anchor])
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if len(stack) > MAX_DEPTH:
                    raise Unreadable(place, f"nested more than {MAX_DEPTH} deep: a configuration is flatter")
                mapping = isinstance(event, yaml.MappingStartEvent)
                node = _Node(place, event.tag, pairs=[]) if mapping else _Node(place, event.tag, items=[])
                add(node)
                stack.append(node)
                waiting.append(None)
                names.append(event.anchor)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                node = stack.pop()
                waiting.pop()
                name = names.pop()
                if name:
                    anchors[name] = node  # only now: so no collection can hold itself
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise Unreadable(
                        place, "a second document begins here: write one configuration in a file"
                    )
            case _:
                pass
    return root.items[0] if root.items else _Node((1, 1), None, plain=True, text="")


class _Builder:
    """Turns nodes into plain data, within the alias limit."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.copies = 0

    def build(self, node: _Node, path: Path) -> None:
        """Make the whole document."""
        self.document.data = self._value(node, path)

    def _value(self, node: _Node, path: Path, copied: bool = False) -> Any:
        copied = copied or node.known
        self._count(node, copied)
        if len(path) > MAX_DEPTH:
            raise Unreadable(node.place, f"nested more than {MAX_DEPTH} deep: a configuration is flatter")
        self.document.values[path] = node.place
        value: Any
        if node.items is not None:
            self._check_tag(node, "seq")
            value = [self._value(item, (*path, index), copied) for index, item in enumerate(node.items)]
        elif node.pairs is not None:
            self._check_tag(node, "map")
            value = {}
            for name, (key, inner) in self._pairs(node, copied).items():
                self.document.keys[(*path, name)] = key.place
                value[name] = self._value(inner, (*path, name), copied)
        else:
            value = self._scalar(node)
        node.known = True
        return value

    def _count(self, node: _Node, copied: bool) -> None:
        self.copies += copied
        if self.copies > ALIAS_LIMIT:
            raise Unreadable(
                node.place, f"aliases copy more than {ALIAS_LIMIT} values: write less with * and <<"
            )

    def _pairs(self, node: _Node, copied: bool, depth: int = 0) -> dict[str, tuple[_Node, _Node]]:
        own: dict[str, tuple[_Node, _Node]] = {}
        merged: list[_Node] = []
        if depth > MAX_DEPTH:
            raise Unreadable(node.place, f"merged more than {MAX_DEPTH} deep: a configuration is flatter")
        for key, value in node.pairs or ():
            if key.text is None:
                raise Unreadable(key.place, "a key must be a word: put quotes around it")
            if key.text == "<<" and key.plain and "<<" not in own:
                merged += self._merged(value)
            elif key.text in own:
                self.document.repeat(key.text, own[key.text][0].place, key.place)
            else:
                own[key.text] = (key, value)
        for other in merged:
            for name, pair in self._pairs(other, True, depth + 1).items():
                self._count(other, True)
                own.setdefault(name, pair)
        return own

    def _merged(self, value: _Node) -> list[_Node]:
        found = [value] if value.items is None else value.items
        for node in found:
            if node.pairs is None:
                raise Unreadable(
                    node.place, "<< takes in a mapping: write the alias of one, such as <<: *name"
                )
        return found

    def _check_tag(self, node: _Node, kind: str) -> None:
        if node.tag not in (None, "!", _STANDARD + kind):
            raise self._refused(node)

    def _refused(self, node: _Node) -> Unreadable:
        tag = (node.tag or "").replace(_STANDARD, "!!")
        return Unreadable(node.place, f"the tag {quote(tag)} is not allowed: write the value without a tag")

    def _scalar(self, node: _Node) -> Any:
        text = node.text or ""
        if node.tag is None:
            return resolve(text) if node.plain else text
        if node.tag in ("!", _STANDARD + "str"):
            return text
        wanted = _TYPES.get(node.tag.removeprefix(_STANDARD))
        if wanted is None:
            raise self._refused(node)
        value = resolve(text)
        if not isinstance(value, wanted):
            raise Unreadable(node.place, f"{quote(text)} is not what its tag says: take the tag out")
        return value
