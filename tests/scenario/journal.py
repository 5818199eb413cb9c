"""The lab's log as a runner reads it: each entry once; and the entries of an operation."""

from __future__ import annotations

from typing import Any

from lab.client import Lab
from lab.phases import phase_of

from .format import PHASES
from .timeline import Entry, Window, outages, pauses


class Journal:
    def __init__(self, lab: Lab, groups: list[str], disks: list[str]) -> None:
        self.lab, self.groups, self.disks = lab, groups, disks
        self.entries: list[Entry] = []

    def refresh(self) -> list[Entry]:
        """Read on; the new entries."""
        new = self.lab.control("log", since=len(self.entries))
        self.entries += new
        return new

    def now(self) -> float:
        """The lab's time; the log is read up to it."""
        t = float(self.lab.control("time")["t"])
        self.refresh()
        return t

    def outages(self, start: float, end: float) -> list[Window]:
        """The outages that have a part within [start, end], each whole."""
        found = outages(self.entries, self.groups, {})
        return [window for window in found if window.end > start and window.start < end]

    def pauses(self, start: float, end: float) -> list[Window]:
        """The product's freezes of a file system that have a part within [start, end], each whole."""
        return [window for window in pauses(self.entries) if window.end > start and window.start < end]

    def phases(self, arns: set[str]) -> list[tuple[float, str]]:
        """(time, phase) of each first entry of a phase in these executions, in order."""
        seen: dict[str, float] = {}
        for entry in self.entries:
            if entry["kind"] == "sfn" and entry["execution"] in arns and entry["event"].endswith("StateEntered"):
                phase = phase_of(entry["state"])
                if phase in PHASES:
                    seen.setdefault(phase, entry["t"])
        return sorted((t, phase) for phase, t in seen.items())


def state_names(entries: list[Entry], arn: str) -> list[str]:
    """The states that an execution has entered, in order."""
    return [e["state"] for e in entries if e["kind"] == "sfn" and e["execution"] == arn and e.get("state")]


def transitions(members: list[dict[str, Any]], entries: list[Entry], polls: tuple[str, ...] = ()) -> tuple[int, int]:
    """(all state transitions of these executions, those among them of states whose names begin with one of `polls`)."""
    arns = {each["arn"] for each in members}
    total = sum(each["transitions"] for each in members)
    polling = sum(
        1
        for e in entries
        if e["kind"] == "sfn"
        and e["execution"] in arns
        and e["event"].endswith("StateEntered")
        and e["state"].startswith(polls or ("\0",))
    )
    return total, polling
