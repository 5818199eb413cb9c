"""Cases of the sweep that follow one another in one lab, as long as each leaves it as it should be.

After a case that does not hold the lab is given up, so that the next one is judged by itself.
"""

from __future__ import annotations

from typing import Any

import yaml

from scenario.format import parse
from scenario.product import Product
from scenario.runner import Runner, deploy, lab_for

from .sweep import Link, document


class Chain:
    """At most one lab at a time: that of the chain whose cases are run."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.name = ""
        self.product: Product | None = None

    def run(self, name: str, link: Link) -> dict[str, Any]:
        """The result line of a case of the chain of this name. ScenarioError, ProductError."""
        if name != self.name:
            self.close()
        before = len(self.product.valid_backups()) if self.product else 0
        scenario = parse(yaml.safe_dump(document(link, before)), link.name)
        if self.product is None:
            lab = lab_for(scenario, self.scale)
            try:
                self.product, self.name = deploy(scenario, lab, _quietly), name
            except BaseException:
                lab.stop()
                raise
        held = False
        try:
            result = Runner(scenario, self.product, _quietly).run()
            held = bool(result["passed"])
            return result
        finally:
            if not held:
                self.close()

    def close(self) -> None:
        if self.product:
            self.product.lab.stop()
        self.product = None


def _quietly(text: str) -> None:
    """Failures are in the result."""
