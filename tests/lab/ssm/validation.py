"""Requests are checked against botocore's model of SSM before a handler sees them, as the service's front end does."""

from __future__ import annotations

import re
from typing import Any

from ..wire import AwsError, operation


def check(action: str, request: dict[str, Any]) -> None:
    """Raise ValidationException for a missing member, a wrong type, length, range, pattern or enumeration value."""
    shape = operation("ssm", action).input_shape
    problems = list(_problems(shape, request, "")) if shape else []
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise AwsError("ValidationException", count + "; ".join(problems))


def _problems(shape: Any, value: Any, path: str):
    kind = shape.type_name
    expected = {"structure": dict, "map": dict, "list": list, "string": str, "integer": int, "boolean": bool}.get(kind)
    if expected and (not isinstance(value, expected) or (kind == "integer" and isinstance(value, bool))):
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must be of type {kind}"
        return
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _problems(member, value[name], _join(path, name))
    elif kind == "list":
        yield from _size(shape, len(value), value, path, "length")
        for i, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{path}.{i}.member")
    elif kind == "map":
        for key, item in value.items():
            yield from _problems(shape.value, item, f"{path}.{key}.member")
    elif kind == "string":
        yield from _size(shape, len(value), value, path, "length")
        pattern, enum = shape.metadata.get("pattern"), shape.metadata.get("enum")
        if pattern and not re.search(_python(pattern), value):
            constraint = f"Member must satisfy regular expression pattern: {pattern}"
            yield f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
        if enum and value not in enum:
            constraint = f"Member must satisfy enum value set: [{', '.join(enum)}]"
            yield f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
    elif kind == "integer":
        yield from _size(shape, value, value, path, "value")


def _size(shape: Any, size: int, value: Any, path: str, what: str):
    for key, wrong, words in (("min", -1, "greater"), ("max", 1, "less")):
        limit = shape.metadata.get(key)
        if limit is not None and (size - limit) * wrong > 0:
            constraint = f"Member must have {what} {words} than or equal to {limit}"
            yield f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _python(pattern: str) -> str:
    """Java's classes of letters, spaces and numbers, which stand inside brackets in the model."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d")):
        pattern = pattern.replace(java, python)
    return pattern


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name
