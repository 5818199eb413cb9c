"""What stands in the bodies of requests and answers, as plain values with the names of the wire.

For each of AWS's protocols: `ec2` and `query` (a form sent, XML answered), `json`, `rest-json` and CBOR.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from .shapes import Xml


class Unreadable(ValueError):
    """A body that the protocol cannot have; the text says why."""


# ── a form ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def form(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _name(member: Any, name: str, ec2: bool) -> str:
    """A member's name in a form. In one to EC2 each begins with a capital letter."""
    if not ec2:
        return member.serialization.get("name", name)
    if "queryName" in member.serialization:
        return member.serialization["queryName"]
    text = member.serialization.get("name", name)
    return text[:1].upper() + text[1:]


class Form:
    """A form's parameters taken by a shape; what is left over is known to none."""

    def __init__(self, values: dict[str, str], ec2: bool) -> None:
        self.values, self.ec2 = values, ec2
        self.left = set(values)

    def _begins(self, prefix: str) -> bool:
        return prefix in self.values or any(key.startswith(f"{prefix}.") for key in self.values)

    def _items(self, prefix: str) -> Iterator[str]:
        numbers = {
            int(key[len(prefix) + 1 :].split(".")[0])
            for key in self.values
            if key.startswith(f"{prefix}.") and key[len(prefix) + 1 :].split(".")[0].isdigit()
        }
        yield from (f"{prefix}.{number}" for number in sorted(numbers))

    def take(self, shape: Any, prefix: str) -> Any:
        if shape.type_name == "structure":
            out = {}
            for name, member in shape.members.items():
                on_wire = _name(member, name, self.ec2)
                inner = f"{prefix}.{on_wire}" if prefix else on_wire
                if self._begins(inner):
                    out[member.serialization.get("name", name)] = self.take(member, inner)
            return out
        if shape.type_name == "list":
            if self.values.get(prefix) == "":  # an empty list of the query protocol
                self.left.discard(prefix)
                return []
            flat = self.ec2 or shape.serialization.get("flattened")
            base = prefix if flat else f"{prefix}.{shape.member.serialization.get('name', 'member')}"
            return [self.take(shape.member, each) for each in self._items(base)]
        if shape.type_name == "map":
            base = prefix if shape.serialization.get("flattened") else f"{prefix}.entry"
            key, value = (
                each.serialization.get("name", name) for each, name in ((shape.key, "key"), (shape.value, "value"))
            )
            return {
                self.take(shape.key, f"{each}.{key}"): self.take(shape.value, f"{each}.{value}")
                for each in self._items(base)
            }
        self.left.discard(prefix)
        if prefix not in self.values:
            raise Unreadable(f"{prefix} is a {shape.type_name}, and the form has only members of it")
        return Xml(self.values[prefix])


# ── XML ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def xml(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise Unreadable(f"the answer is no XML: {error}") from None


def of_xml(shape: Any, elements: list[ElementTree.Element]) -> Any:
    """The value of the elements of one name: one of them, or all items of a flattened list."""
    first = elements[0]
    if shape.type_name == "structure":
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        groups: dict[str, list[ElementTree.Element]] = {}
        for child in first:
            groups.setdefault(_tag(child), []).append(child)
        return {name: of_xml(names[name], found) if name in names else None for name, found in groups.items()}
    if shape.type_name == "list":
        if shape.serialization.get("flattened"):
            return [of_xml(shape.member, [each]) for each in elements]
        item = shape.member.serialization.get("name", "member")
        if odd := {_tag(child) for child in first} - {item}:
            raise Unreadable(f"{_tag(first)} has items called {', '.join(sorted(odd))}, not {item}")
        return [of_xml(shape.member, [child]) for child in first]
    if shape.type_name == "map":
        entries = elements if shape.serialization.get("flattened") else list(first)
        key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        out = {}
        for entry in entries:
            parts = {_tag(child): child for child in entry}
            if parts.keys() != {key, value}:
                raise Unreadable(f"an entry of {_tag(first)} has {', '.join(sorted(parts))}, not {key} and {value}")
            out[parts[key].text or ""] = of_xml(shape.value, [parts[value]])
        return out
    return Xml(first.text or "")


# ── JSON, and what stands beside a body ───────────────────────────────────────────────────────────────────────────────


def of_json(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise Unreadable(f"the body is no JSON: {error}") from None


def of_path(template: str, path: str) -> dict[str, str] | None:
    """The labels of a request's path; None where it is another operation's."""
    wanted = re.escape(template.split("?")[0])
    wanted = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", wanted)
    wanted = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", wanted)
    found = re.fullmatch(wanted.rstrip("/") + "/?", path)
    return {name: unquote(value) for name, value in found.groupdict().items()} if found else None
