"""What the lab leaves for the references that judge it afterwards (tests/references): API calls, and values of JSONata.

On where MIRRORSNAP_WITNESS names a directory. The lab only writes down there what it has not written before, since
judging takes CPU time of the scenarios:

- `calls-*.jsonl`: a call whose request or answer has a member, a kind of value or a set of members that is new for its
  operation. Ids, numbers and long texts count by their kind, so that words, which may be an enum's, count each.
- `values-*.jsonl`: of each expression the first few evaluations with different variables.
- `allowed-*.jsonl`: each action that the policies of a role allowed it, once.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from . import context

SWITCH = "MIRRORSNAP_WITNESS"
LONGEST = 512 * 1024  # bytes of a body; a greater one is a file that is uploaded
EVALUATIONS = 6  # of one expression
HEADERS = ("content-type", "x-amz-target")
# A UUID as a whole: one of its groups may have no digit.
_DIGITS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]*\d[0-9a-f]*")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)")
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")

Leaf = tuple[str, str, str]  # where, path, kind of value


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"text of {len(value).bit_length()} bits" if len(value) > 40 else "=" + _DIGITS.sub("#", value)
    if isinstance(value, bool) or value is None:
        return repr(value)
    return f"{type(value).__name__} of {int(abs(value)).bit_length()} bits" if isinstance(value, (int, float)) else "{}"


def _json_leaves(where: str, value: Any, path: str = "") -> Iterator[Leaf]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _json_leaves(where, inner, f"{path}.{_DIGITS.sub('#', key)}")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _json_leaves(where, inner, f"{path}[]")
    else:
        yield where, path, _kind(value)


def _xml_leaves(where: str, element: ElementTree.Element, path: str = "") -> Iterator[Leaf]:
    path = f"{path}.{element.tag.rpartition('}')[2]}"
    for child in element:
        yield from _xml_leaves(where, child, path)
    if not len(element):
        yield where, path, _kind(element.text or "")


def _leaves(where: str, text: str) -> Iterator[Leaf]:
    first = text[:1]
    if not first:
        return
    try:
        if first in "{[":
            yield from _json_leaves(where, json.loads(text))
            return
        if first == "<":
            yield from _xml_leaves(where, ElementTree.fromstring(text))
            return
    except (ValueError, ElementTree.ParseError):
        yield where, "unreadable", ""
        return
    for key, value in parse_qsl(text, keep_blank_values=True):
        yield where, _NUMBER.sub("#", key), _kind(value)


class Novelty:
    """Whether an exchange has a member, a kind of value or a set of members that none before it had."""

    def __init__(self) -> None:
        self._seen: set[Any] = set()

    def new(self, name: str, sent: str, query: dict[str, Any], status: int, got: str) -> bool:
        leaves = [(name, *leaf) for leaf in (*_leaves("request", sent), *_leaves(f"answer {status}", got))]
        leaves += [(name, "query", key, "") for key in query]
        members = (name, status, frozenset(leaf[1:3] for leaf in leaves))
        if members in self._seen and self._seen.issuperset(leaves):
            return False
        self._seen.add(members)
        self._seen.update(leaves)
        return True


class Witness:
    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._exchanges = Novelty()
        self._evaluated: dict[str, set[str]] = {}
        self._allowed: set[tuple[str, str]] = set()
        self._directory = directory
        self._files: dict[str, IO[str]] = {}

    def _write(self, name: str, entry: dict[str, Any]) -> None:
        file = self._files.get(name)
        if file is None:
            path = self._directory / f"{name}-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
            file = self._files[name] = path.open("w", encoding="utf-8")
        entry["test"] = os.environ.get("PYTEST_CURRENT_TEST", "")
        file.write(json.dumps(entry) + "\n")
        file.flush()

    def call(
        self,
        name: str,
        request: tuple[str, str, dict[str, str], bytes],
        query: dict[str, list[str]],
        answer: tuple[int, dict[str, str], Any],
        injected: bool,
    ) -> None:
        """One exchange; `request` is method, path, headers and body, `injected` an answer of the lab's faults."""
        method, path, headers, body = request
        status, answer_headers, answer_body = answer
        sent, got = _text(body), _text(answer_body)
        with self._lock:
            if self._exchanges.new(name, sent, query, status, got):
                entry: dict[str, Any] = {"call": name, "method": method, "path": path, "query": query}
                entry["headers"] = {key: headers[key] for key in HEADERS if key in headers}
                entry |= {"request": sent, "status": status, "injected": injected}
                self._write("calls", entry | {"answer_headers": dict(answer_headers), "answer": got})

    def value(self, expression: str, bindings: dict[str, Any], millis: int | None, outcome: dict[str, Any]) -> None:
        """One evaluation; `outcome` is `{"value": …}`, `{"undefined": true}` or `{"error": code}`."""
        with self._lock:
            known = self._evaluated.setdefault(expression, set())
            if len(known) >= EVALUATIONS:
                return
            named = {name: bindings[name] for name in sorted(set(_VARIABLE.findall(expression)) & bindings.keys())}
            text = json.dumps(named, sort_keys=True, default=str)
            if text in known:
                return
            known.add(text)
            self._write("values", {"expression": expression, "bindings": named, "millis": millis, **outcome})

    def allowed(self, caller: str, action: str) -> None:
        """The policies let this principal do `action`; only what roles do is written down."""
        _, assumed, session = caller.partition(":assumed-role/")
        role = session.partition("/")[0]
        with self._lock:
            if assumed and (role, action) not in self._allowed:
                self._allowed.add((role, action))
                self._write("allowed", {"role": role, "action": action})


def _text(body: Any) -> str:
    """A body as text; "" for one that is too long or no text at all, and a marked base64 for one of bytes."""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, (bytes, bytearray)) or len(body) > LONGEST:
        return ""
    try:
        return bytes(body).decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(body).decode()


witness: Witness | None = None


def install() -> None:
    global witness
    lying = context.lab.lies or context.lab.mutation is not None  # its answers are wrong on purpose
    directory = None if lying else os.environ.get(SWITCH)
    witness = Witness(Path(directory)) if directory else None
