"""The content of a Command document, schema 2.2: read, checked, its parameters applied, as SSM does.

Facts from the Systems Manager user guide, "Data elements and parameters". `{{ name }}` is replaced by the raw value:
whatever allowedPattern lets through becomes part of the script.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..wire import AwsError

PARAMETER_TYPES = {"String", "StringList", "Integer", "Boolean", "MapList", "StringMap"}
PLUGIN = "aws:runShellScript"
TOP_KEYS = {"schemaVersion", "description", "parameters", "mainSteps", "variables", "files", "assumeRole", "outputs"}
PARAMETER_KEYS = {
    *("type", "description", "default", "allowedValues", "allowedPattern", "displayType", "minItems", "maxItems"),
    *("minChars", "maxChars", "interpolationType"),
}
STEP_KEYS = {
    "action",
    "name",
    "inputs",
    "precondition",
    "isEnd",
    "isCritical",
    "onFailure",
    "onSuccess",
    "timeoutSeconds",
}
DEFAULT_TIMEOUT = "3600"
MAX_TIMEOUT = 172_800


@dataclass
class Step:
    name: str
    inputs: dict[str, Any]
    precondition: dict[str, Any] = field(default_factory=dict)


@dataclass
class Content:
    """A parsed document. `parameters` maps names to their declarations as written."""

    schema: str
    description: str
    parameters: dict[str, dict[str, Any]]
    steps: list[Step]


def _bad(text: str) -> AwsError:
    return AwsError("InvalidDocumentContent", text)


def parse(text: str, written: str) -> Content:
    """Parse and check; InvalidDocumentContent or InvalidDocumentSchemaVersion says what is wrong."""
    if len(text.encode()) > 65536:
        raise AwsError("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
    try:
        data = json.loads(text) if written == "JSON" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise _bad(f"The content is not valid {written}: {error}") from error
    if not isinstance(data, dict):
        raise _bad("The content is not a mapping.")
    schema = str(data.get("schemaVersion", ""))
    if schema != "2.2":
        # 1.2 and 2.0 exist on AWS; the lab runs only what its users write today
        raise AwsError(
            "InvalidDocumentSchemaVersion", f"The version of the document schema isn't supported: {schema!r}"
        )
    if unknown := set(data) - TOP_KEYS:
        raise _bad(f"Unknown keys in the document: {', '.join(sorted(unknown))}")
    parameters = data.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise _bad("parameters must be a mapping")
    for name, declared in parameters.items():
        _check_declaration(name, declared)
    steps = data.get("mainSteps")
    if not isinstance(steps, list) or not steps:
        raise _bad("mainSteps must be a list with at least one step")
    parsed = [_step(step) for step in steps]
    names = [step.name for step in parsed]
    if len(set(names)) != len(names):
        raise _bad("Step names must be unique")
    return Content(schema, str(data.get("description") or ""), parameters, parsed)


def _check_declaration(name: str, declared: Any) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9_]+", str(name)) or not isinstance(declared, dict):
        raise _bad(f"Parameter {name!r} is not declared as a mapping under an alphanumeric name")
    if unknown := set(declared) - PARAMETER_KEYS:
        raise _bad(f"Parameter {name}: unknown keys {', '.join(sorted(unknown))}")
    if declared.get("type") not in PARAMETER_TYPES:
        raise _bad(f"Parameter {name}: type {declared.get('type')!r} is none of {', '.join(sorted(PARAMETER_TYPES))}")
    if declared.get("interpolationType") not in (None, "ENV_VAR"):
        raise _bad(f"Parameter {name}: interpolationType must be ENV_VAR")
    if pattern := declared.get("allowedPattern"):
        try:
            re.compile(pattern)
        except re.error as error:
            raise _bad(f"Parameter {name}: allowedPattern is no regular expression: {error}") from error
    if "default" in declared:
        try:
            _check_value(name, declared, declared["default"])
        except AwsError as error:
            raise _bad(f"Parameter {name}: the default value is not allowed: {error.message}") from error


def _step(step: Any) -> Step:
    if not isinstance(step, dict) or set(step) - STEP_KEYS or not {"action", "name", "inputs"} <= set(step):
        raise _bad(f"A step needs action, name and inputs, and knows {', '.join(sorted(STEP_KEYS))}")
    if step["action"] != PLUGIN:
        raise _bad(f"Step {step['name']}: action {step['action']!r} is not one that the lab can run ({PLUGIN})")
    if not re.fullmatch(r"[a-zA-Z0-9_\-]{3,128}", str(step["name"])):
        raise _bad(f"Step name {step['name']!r} must match [a-zA-Z0-9_-]{{3,128}}")
    inputs = step["inputs"]
    known = {"runCommand", "timeoutSeconds", "workingDirectory", "interpreter"}
    if not isinstance(inputs, dict) or set(inputs) - known or "runCommand" not in inputs:
        raise _bad(f"Step {step['name']}: inputs needs runCommand, and knows {', '.join(sorted(known))}")
    if not isinstance(inputs["runCommand"], (list, str)):
        raise _bad(f"Step {step['name']}: runCommand must be a list of strings, or a parameter reference")
    return Step(step["name"], inputs, step.get("precondition") or {})


# ── parameters of one SendCommand ──────────────────────────────────────────────────────────────────────────────


def values(content: Content, given: dict[str, list[str]]) -> dict[str, Any]:
    """name -> value for a command; InvalidParameters for one that is unknown, missing, or not allowed."""
    if unknown := sorted(set(given) - set(content.parameters)):
        raise _invalid(f"Parameters not declared by the document: {', '.join(unknown)}")
    out = {}
    for name, declared in content.parameters.items():
        if name in given:
            out[name] = _typed(name, declared, given[name])
        elif "default" in declared:
            out[name] = declared["default"]
        else:
            raise _invalid(f"Parameter {name} is required, but has no value")
    return out


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidParameters", text)


def _typed(name: str, declared: dict[str, Any], items: list[str]) -> Any:
    kind = declared["type"]
    if kind == "StringList":
        value: Any = list(items)
    elif kind == "MapList":
        value = [_json(name, item) for item in items]
    elif len(items) != 1:
        raise _invalid(f"Parameter {name} of type {kind} takes one value, not {len(items)}")
    elif kind == "Integer":
        if not re.fullmatch(r"[+-]?\d+", items[0]):
            raise _invalid(f"Parameter {name} must be an Integer, not {items[0]!r}")
        value = int(items[0])
    elif kind == "Boolean":
        if items[0].lower() not in ("true", "false"):
            raise _invalid(f"Parameter {name} must be a Boolean, not {items[0]!r}")
        value = items[0].lower() == "true"
    else:
        value = _json(name, items[0]) if kind == "StringMap" else items[0]
    _check_value(name, declared, value)
    return value


def _json(name: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _invalid(f"Parameter {name} must be a map in JSON, not {text!r}")
    return value


def _check_value(name: str, declared: dict[str, Any], value: Any) -> None:
    kind = declared["type"]
    python = {"String": str, "StringList": list, "Integer": int, "Boolean": bool, "MapList": list, "StringMap": dict}[
        kind
    ]
    if not isinstance(value, python) or (kind == "Integer" and isinstance(value, bool)):
        raise _invalid(f"Parameter {name} must be a {kind}")
    items = value if isinstance(value, list) else [value]
    if isinstance(value, list):
        for key, wrong in (("minItems", len(items) < _limit(declared, "minItems", 0)),
                           ("maxItems", len(items) > _limit(declared, "maxItems", 10**9))):  # fmt: skip
            if wrong:
                raise _invalid(f"Parameter {name} has {len(items)} items, {key} is {declared[key]}")
    for item in items:
        if declared.get("allowedValues") and item not in declared["allowedValues"]:
            raise _invalid(f"Parameter {name}: {item!r} is not one of the allowed values")
        if not isinstance(item, str):
            continue
        # Found anywhere in the value: a pattern without ^ and $ lets more through than its author may think.
        if (pattern := declared.get("allowedPattern")) and not re.search(pattern, item):
            raise _invalid(f"Parameter {name}: {item!r} does not match the allowed pattern {pattern}")
        if not _limit(declared, "minChars", 0) <= len(item) <= _limit(declared, "maxChars", 10**9):
            raise _invalid(f"Parameter {name}: {len(item)} characters are outside minChars and maxChars")


def _limit(declared: dict[str, Any], key: str, default: int) -> int:
    try:
        return int(declared.get(key, default))
    except (TypeError, ValueError):
        raise _bad(f"{key} must be a number") from None


# ── substitution ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Script:
    """One step ready to run."""

    name: str
    text: str
    timeout: float  # s
    cwd: str
    env: dict[str, str]
    applies: bool  # its precondition holds on Linux


def scripts(content: Content, given: dict[str, Any]) -> list[Script]:
    """The steps with their parameters put in."""
    # With ENV_VAR the agent sets SSM_<name> and puts nothing into the text. [What it then does with a `{{ name }}` in
    # the script is not documented clearly; here it stays as it is, so that a document which counts on it is seen.]
    env_only = {n for n, d in content.parameters.items() if d.get("interpolationType") == "ENV_VAR"}
    env = {f"SSM_{n}": _text(given[n]) for n in sorted(env_only)}
    raw = {n: v for n, v in given.items() if n not in env_only}
    out = []
    for step in content.steps:
        lines = _put(step.inputs["runCommand"], raw)
        text = "\n".join(_text(line) for line in lines) if isinstance(lines, list) else _text(lines)
        limit = _text(_put(step.inputs.get("timeoutSeconds", DEFAULT_TIMEOUT), raw))
        if not re.fullmatch(r"\d+", limit) or not 1 <= int(limit) <= MAX_TIMEOUT:
            raise _invalid(f"timeoutSeconds of step {step.name} must be 1..{MAX_TIMEOUT}, not {limit!r}")
        cwd = _text(_put(step.inputs.get("workingDirectory", ""), raw))
        out.append(Script(step.name, text, float(limit), cwd, env, _holds(step.precondition, raw)))
    return out


def _put(value: Any, given: dict[str, Any]) -> Any:
    """`{{ name }}` replaced by its raw value; an input that is nothing but one reference becomes the value itself."""
    if isinstance(value, list):
        return [part for item in value for part in _as_list(_put(item, given))]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\s*\{\{\s*(\w+)\s*\}\}\s*", value)
    if whole and whole.group(1) in given:
        return given[whole.group(1)]
    return re.sub(
        r"\{\{\s*(\w+)\s*\}\}", lambda m: _text(given[m.group(1)]) if m.group(1) in given else m.group(0), value
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _holds(precondition: dict[str, Any], given: dict[str, Any]) -> bool:
    pairs = precondition.get("StringEquals")
    if not pairs:
        return True
    left, right = (_text(_put(p, {**given, "platformType": "Linux"})) for p in pairs)
    return ("Linux" if left == "platformType" else left) == right
