"""The names of the steps, each read from the one place where it is written.

A phase is a variant of the domain's `enum Phase`, a function a `Handler` of the template, a document a file in
infra/documents, a state machine a file in statemachine/. Everything else that names one is checked by tests/docs.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import build_documents

ROOT = Path(__file__).resolve().parent.parent
DOMAIN = ROOT / "functions" / "domain" / "src"
TEMPLATE = ROOT / "infra" / "template.yaml"


@functools.cache
def phases() -> tuple[str, ...]:
    """The vendor's procedure by phase, in the order of a backup, then of a restore."""
    for path in sorted(DOMAIN.rglob("*.rs")):
        found = re.search(r"^pub enum Phase \{(.*?)^\}", path.read_text(encoding="utf-8"), re.M | re.S)
        if found:
            return tuple(re.findall(r"^ +([A-Z]\w*),$", found[1], re.M))
    raise SystemExit(f"step_names: no `pub enum Phase` in {DOMAIN.relative_to(ROOT)}")


@functools.cache
def functions() -> tuple[str, ...]:
    return tuple(re.findall(r"^ +Handler: ([a-z-]+)$", TEMPLATE.read_text(encoding="utf-8"), re.M))


@functools.cache
def documents() -> tuple[str, ...]:
    """Without the prefix."""
    return tuple(build_documents.documents())


@functools.cache
def document_resources() -> frozenset[str]:
    """By their names in the template."""
    return frozenset(each.logical_id for each in build_documents.documents().values())
