"""What a restore and its rollback take, by how the new volumes are initialized, and what the plan had said."""

from __future__ import annotations

import json
from typing import Any

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse as parse_cluster
from scenario import operation, report, rto
from scenario.format import Expect, Step
from scenario.journal import Journal
from scenario.product import Product, wait_until_up

from . import phases
from .approaches import HEALTHY_WITHIN, Failed

SOON = ("none", "rate")
# FSR makes a restore wait for minutes before its outage, and is the same in it: one run has it.
KINDS = (*SOON, "fsr")
ROLLBACK = "rollback"
KEPT = ("outage_seconds", "total_seconds", "rto_own_seconds", "own_parts")


class Restores:
    """One lab with a backup, and what is restored from it one after another."""

    def __init__(self, lab: Lab) -> None:
        spec = parse_cluster({})
        self.lab, self.product = lab, Product(lab, spec)
        self.journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
        self.product.deploy()
        wait_until_up(lab)
        self.product.patrolled()

    def _operate(self, kind: str, machine: str, value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(its figures, its output)."""
        step = Step(0, machine, {}, expect=Expect(status="SUCCEEDED", healthy_within=HEALTHY_WITHIN))
        begun = operation.begin(self.product, step, machine, value, [])
        operation.finish(self.product, self.journal, begun)
        operation.judge(self.product, self.journal, begun, set(), alone=False)
        if wrong := [*begun.failures, *begun.violations]:
            raise Failed(f"the {kind}: {wrong}")
        assert begun.family is not None
        found = report.figures(self.product, self.journal, begun, kind, [], [])
        window = report.recovery(self.journal, begun)
        spent = [] if window is None else rto.sequence(self.journal.entries, window)
        ours = [(start, end) for start, end, part in spent if part == rto.OURS]
        found["own_parts"] = phases.seconds(ours, self.journal.phases({m["arn"] for m in begun.family.members}))
        return found, json.loads(begun.family.main["output"] or "{}")

    def _restored(self, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
        value = {"backup": "latest", "initialization": kind, "confirm": self.product.cluster}
        figures, output = self._operate("restore", "restore", value)
        return {key: figures[key] for key in KEPT}, output

    def run(self, kinds: tuple[str, ...]) -> dict[str, Any]:
        """By kind of initialization, and of the rollback of the last one."""
        self._operate("backup", "backup", {})
        found, last = {}, {}
        for kind in kinds:
            found[kind], last = self._restored(kind)
        value = {"rollback": last["id"], "confirm": self.product.cluster}
        figures, _ = self._operate("rollback", "restore", value)
        return {**found, ROLLBACK: {key: figures[key] for key in KEPT}}

    def one(self, kind: str) -> dict[str, Any]:
        """A single restore, and what its plan had said."""
        self._operate("backup", "backup", {})
        asked = {"backup": "latest", "initialization": kind, "dry_run": True}
        _, plan = self._operate("plan", "restore", asked)
        figures, _ = self._restored(kind)
        return {kind: {**figures, "forecast_seconds": plan["expected_outage_seconds"]}}
