"""Control operations on the lab itself: its log, its faults, its time, its timings."""

from __future__ import annotations

from typing import Any

from . import context, host, phases
from .control import op


@op("log")
def log(since: int = 0, wait: float = 0.0) -> list[dict[str, Any]]:
    return context.lab.record.since(since, min(float(wait), 30.0))


@op("fault")
def fault(spec: dict[str, Any]) -> int:
    return context.lab.faults.add(spec)


@op("faults")
def faults() -> list[dict[str, Any]]:
    return context.lab.faults.listing()


@op("clear_faults")
def clear_faults(id: int | None = None) -> None:
    context.lab.faults.clear(id)


@op("time")
def time() -> dict[str, float]:
    clock = context.lab.clock
    return {"t": clock.monotonic(), "epoch": clock.time(), "scale": clock.scale}


@op("watch")
def watch(pid: int) -> None:
    """The caller's process takes part in lab time, which then waits for it as for the lab's own (host.py)."""
    host.watch(pid)


@op("timing")
def timing(values: dict[str, Any] | None = None) -> dict[str, float]:
    """Set some timings (lab seconds) and return all of them."""
    context.lab.timing.update(values or {})
    return vars(context.lab.timing)


def install() -> None:
    """Importing this module has registered its operations; faults hear of phases."""
    phases.on_phase(lambda phase, execution: context.lab.faults.enter(phase))
