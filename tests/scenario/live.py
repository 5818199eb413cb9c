"""Progress of an operation on the terminal: step, elapsed time, outage timer; without a terminal, plain lines."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from .journal import Journal
from .operation import Operation
from .product import Family
from .timeline import longest

BOLD, DIM, RED, AMBER, GREEN, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"


class Live:
    """Call `look` often. Prints one line per phase, and on a terminal a last line that is always current."""

    def __init__(self, journal: Journal, out: TextIO = sys.stderr) -> None:
        self.journal, self.out = journal, out
        self.terminal = out.isatty()
        self.told: set[str] = set()
        self.down = False  # what has been told of the outage
        self.begun: float | None = None

    def paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self.terminal else text

    def line(self, text: str) -> None:
        """A line that stays."""
        if self.terminal:
            self.out.write("\r\x1b[K")
        print(text, file=self.out, flush=True)

    def claim(self, held: bool, text: str) -> None:
        self.line(f"  {self.paint(GREEN, 'proved') if held else self.paint(RED, 'NOT TRUE')}: {text}")

    def begin(self, started: float) -> None:
        """Another operation begins: nothing has been told of it yet."""
        self.begun, self.down = started, False
        self.told = set()

    def look(self, found: Family) -> None:
        assert self.begun is not None
        now = self.journal.now()
        arns = {each["arn"] for each in found.members}
        phases = self.journal.phases(arns)
        for t, phase in phases:
            if phase not in self.told:
                self.told.add(phase)
                self.line(f"{self.paint(DIM, f'{t - self.begun:7.1f} s')}  {self.paint(BOLD, phase)}")
        worst = longest(self.journal.outages(self.begun, now))
        if worst is not None and worst.open != self.down:
            self.down = worst.open
            if worst.open:
                self.line(self.paint(RED, f"{worst.start - self.begun:7.1f} s  the service is down"))
            else:
                text = f"{worst.end - self.begun:7.1f} s  the service is back, after {worst.seconds:.2f} s"
                self.line(self.paint(GREEN, text))
        if self.terminal:
            self._status(now, phases[-1][1] if phases else "starting", worst.seconds if worst else 0.0)

    def _status(self, now: float, phase: str, down: float) -> None:
        assert self.begun is not None
        colours: dict[str, str] = {}
        for entry in self.journal.entries:
            if entry["kind"] == "cluster" and entry["what"] == "mirror":
                colours |= {f"{entry['disk']}@{n}": c for n, c in entry["colours"].items()}
        mirror = " ".join(colours.values())
        text = f"{now - self.begun:7.1f} s  {phase:<16} outage {down:6.2f} s   mirror {mirror}"
        width = shutil.get_terminal_size().columns
        self.out.write(f"\r\x1b[K{RED if self.down else AMBER}{text[: width - 1]}{PLAIN}")
        self.out.flush()

    def end(self, operation: Operation) -> None:
        assert operation.family is not None
        main = operation.family.main
        self.line(f"{main['status']}{' ' + str(main['error']) if main['error'] else ''}")
