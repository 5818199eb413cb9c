"""Everything that a lab is made of, imported once in a process that labs are then forked from.

ministack reads its port and its directory for temporary files from the environment when it is imported, and keeps them
in module constants. So it is imported with marks in their place, and each fork puts its own in where a mark stands.
dynamodb starts a thread when it is imported. Threads do not survive a fork, so it is held back, and each fork starts
its own.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from . import server
from .patches import ENGINE

# A port above those that the kernel gives away by itself, and a directory that is not there.
PORT_MARK = 65521
HOME_MARK = Path("/nonexistent/mirrorsnap-lab")
# What is imported only when it is used, and is used by nearly every lab.
LATE = (
    *("ministack.app", "hypercorn.asyncio", "hypercorn.protocol.h11", "lab.control", "moto.stepfunctions.parser.api"),
    *("samtranslator.translator.transform", "samtranslator.validator.validator", "encodings.cp437"),
)
PACKAGES = ("ec2", "lies", "nodes", "nodes.clusterpro", "ssm")
# Botocore's models of what every deployment or every function calls; reading one takes up to 0.3 s.
MODELS = ("ec2", "ssm", "dynamodb", "lambda", "sns", "stepfunctions", "cloudwatch", "iam", "sts", "scheduler")

_held: list[threading.Thread] = []


def load() -> None:
    """Import all parts. RuntimeError if a thread runs after it, since a fork would lose it."""
    server.prepare(PORT_MARK, HOME_MARK)
    start = threading.Thread.start
    threading.Thread.start = _hold  # type: ignore[method-assign]
    try:
        for name in server.PARTS:
            importlib.import_module(f".{name}", __package__)
        for name in ENGINE:
            importlib.import_module(f".patches.{name}", __package__)
        for name in PACKAGES:
            package = importlib.import_module(f".{name}", __package__)
            for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
                importlib.import_module(found.name)
        for name in LATE:
            importlib.import_module(name)
        _models()
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        tempfile.tempdir = None  # a fork makes its directory where its starter's environment says
    if threading.active_count() > 1:
        raise RuntimeError(f"these threads would be lost in a fork: {threading.enumerate()}")


def _hold(thread: threading.Thread) -> None:
    _held.append(thread)


def _models() -> None:
    from . import wire

    for service in MODELS:
        wire.service_model(service)


def marked() -> Iterator[tuple[ModuleType, str, str]]:
    """(module, name, value) of the constants that hold a mark."""
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            ours = module.__name__ == __name__ or name == "__doc__"
            if isinstance(value, str) and not ours and (str(PORT_MARK) in value or str(HOME_MARK) in value):
                yield module, name, value


def adopt(port: int, home: Path) -> None:
    """In a fork, before the lab's parts are installed: put its own port and directory in, start what was held back."""
    for module, name, value in marked():
        setattr(module, name, value.replace(str(HOME_MARK), str(home)).replace(str(PORT_MARK), str(port)))
    for held in _held:
        target: Callable[..., Any] = held._target  # type: ignore[attr-defined]
        threading.Thread(target=target, name=held.name, daemon=held.daemon).start()
