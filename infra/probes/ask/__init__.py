"""One module for each belief that is asked, by its id with underscores. What is shared has modules of its own."""

from __future__ import annotations

import importlib
import pkgutil

from ..verdict import Probe


def probes() -> list[Probe]:
    """All of them; those that need nothing first, those that stop the instance last."""
    found = [importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    order = ("", "snapshot", "events", "instance", "power cycle")
    known = [module.PROBE for module in found if hasattr(module, "PROBE")]
    return sorted(
        known, key=lambda each: (max(map(order.index, each.needs or ("",))), each.belief == LAST, each.belief)
    )


LAST = "ec2-start-without-key"  # it leaves the instance stopped
