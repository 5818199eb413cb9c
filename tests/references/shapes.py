"""A value against a shape of botocore's service models, more strictly than an SDK does.

A member that the shape does not know, one that it requires and that is not there, a value of another type, a word that
is none of an enum's, a text or a list that is too short or too long, a number out of its range, a text that does not
match its pattern: each of them is said. An SDK lets all but the types of its own input pass.
"""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Iterator
from typing import Any

import regex
from botocore.model import Shape
from dateutil import parser as dates

Problems = Iterator[str]
INTEGERS = frozenset({"integer", "long", "short", "byte"})
NUMBERS = frozenset({"float", "double"})


@functools.cache
def _pattern(text: str) -> regex.Pattern[str] | None:
    """A pattern of Java's, of which `regex` knows more than `re` does; None for one that it does not know either."""
    try:
        return regex.compile(text, regex.DOTALL)
    except regex.error:
        return None


def wire_names(shape: Any) -> dict[str, str]:
    """The members that stand in a body, by their names there."""
    return {
        member.serialization.get("name", name): name
        for name, member in shape.members.items()
        if member.serialization.get("location") is None
    }


def _limits(shape: Shape, size: float, what: str, where: str) -> Problems:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"{where}: {what} {size:g} is below {low}"
    if high is not None and size > high:
        yield f"{where}: {what} {size:g} is above {high}"


def _text(shape: Shape, value: str, where: str) -> Problems:
    if shape.enum and value not in shape.enum:
        yield f"{where}: {value!r} is none of {', '.join(shape.enum)[:200]}"
    yield from _limits(shape, len(value), "the length", where)
    pattern = shape.metadata.get("pattern")
    if pattern and (compiled := _pattern(pattern)) and not compiled.search(value):
        yield f"{where}: {value[:80]!r} does not match {pattern[:120]}"


def _timestamp(shape: Shape, value: Any, where: str) -> Problems:
    """Seconds since 1970 in JSON, ISO 8601 where the model says so and in XML."""
    if shape.serialization.get("timestampFormat") == "iso8601" or isinstance(value, Xml):
        try:
            dates.isoparse(value)
        except (ValueError, TypeError):
            yield f"{where}: {value!r} is no timestamp of ISO 8601"
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        yield f"{where}: {value!r} is no timestamp in seconds"


class Xml(str):
    """A scalar out of XML or out of a query, which is text whatever its type."""


def _scalar(kind: str, value: Any) -> Any:
    """The value as its type has it; itself where it does not."""
    if not isinstance(value, Xml):
        return value
    if kind == "boolean":
        return {"true": True, "false": False}.get(value, value)
    try:
        return int(value) if kind in INTEGERS else float(value) if kind in NUMBERS else value
    except ValueError:
        return value


def wrong(shape: Any, value: Any, where: str = "") -> Problems:
    """What is wrong with a value, whose members have their names on the wire."""
    kind = shape.type_name
    where = where or "."
    if value is None:
        yield f"{where}: null"
    elif kind == "structure":
        if shape.metadata.get("document"):
            return
        if not isinstance(value, dict):
            yield f"{where}: {_named(value)} is no structure"
            return
        known = wire_names(shape)
        for name in value.keys() - known.keys():
            yield f"{where}: the member {name} is not known"
        for member in shape.required_members:
            on_wire = shape.members[member].serialization.get("name", member)
            if on_wire in known and on_wire not in value:
                yield f"{where}: the member {on_wire} is missing"
        if shape.is_tagged_union and len(value) != 1:
            yield f"{where}: a union has one member, not {len(value)}"
        for name in sorted(value.keys() & known.keys()):
            yield from wrong(shape.members[known[name]], value[name], f"{where.rstrip('.')}.{name}")
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{where}: {_named(value)} is no list"
            return
        yield from _limits(shape, len(value), "the number of items", where)
        for inner in value:
            yield from wrong(shape.member, inner, f"{where}[]")
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{where}: {_named(value)} is no map"
            return
        yield from _limits(shape, len(value), "the number of entries", where)
        for key, inner in value.items():
            yield from _text(shape.key, key, f"{where} key")
            yield from wrong(shape.value, inner, f"{where}{{}}")
    else:
        yield from _of_scalar(shape, kind, _scalar(kind, value), where)


def _of_scalar(shape: Any, kind: str, value: Any, where: str) -> Problems:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "timestamp":
        yield from _timestamp(shape, value, where)
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield f"{where}: {_named(value)} is no boolean"
    elif kind in INTEGERS or kind in NUMBERS:
        if not number or (kind in INTEGERS and value != int(value)):
            yield f"{where}: {_named(value)} is no {'integer' if kind in INTEGERS else 'number'}"
        else:
            yield from _limits(shape, value, "the value", where)
    elif not isinstance(value, str):
        yield f"{where}: {_named(value)} is no text"
    elif kind == "blob":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            yield f"{where}: is no base64"
    else:
        yield from _text(shape, value, where)


def _named(value: Any) -> str:
    return f"{'text' if isinstance(value, str) else type(value).__name__} {str(value)[:40]!r}"
