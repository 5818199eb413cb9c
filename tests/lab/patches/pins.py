"""Patching pinned packages: what is replaced must exist, or the lab does not start.

Both engines are patched at private points. A new version that moved one of them would otherwise silently undo a fix.
"""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Any

VERSIONS = {"ministack": "1.5.33", "moto": "5.2.5"}


class PinError(RuntimeError):
    """A package is not the version that the patches were written for."""


def check_versions() -> None:
    for package, wanted in VERSIONS.items():
        found = importlib.metadata.version(package)
        if found != wanted:
            raise PinError(f"the lab's patches are written for {package} {wanted}, but {found} is installed")


def replace(owner: Any, name: str, new: Any) -> Any:
    """Replace an attribute of a module or class and return the original; PinError if there is none."""
    try:
        # The descriptor itself for a class, so that a staticmethod stays one when it is called through `original`.
        original = getattr(owner, name)
    except AttributeError:
        where = getattr(owner, "__qualname__", None) or getattr(owner, "__name__", repr(owner))
        raise PinError(f"{where} has no {name!r} to patch: is the pinned version installed?") from None
    setattr(owner, name, new)
    return original


def replace_everywhere(package: str, name: str, new: Any, original: Any) -> None:
    """Replace a function in its own module and wherever `package` has imported it by name."""
    hits = 0
    for module in list(sys.modules.values()):
        inside = getattr(module, "__name__", "").startswith(package)
        if inside and getattr(module, name, None) is original:
            setattr(module, name, new)
            hits += 1
    if not hits:
        raise PinError(f"nothing in {package} uses {name!r}: is the pinned version installed?")
