"""The schedule that shows what is wrong with a mutant: found once by a search, and replayed by the tests ever after.

`make witnesses` keeps those of witnesses.json that still show it, and searches for the others anew. It is due when a
test says that a witness is not current, as it is once the scripts take other steps.
"""

from __future__ import annotations

import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from . import scenario
from .frozen_mutants import FROZEN_MUTANTS
from .hook_mutants import HOOK_MUTANTS
from .mutants import MUTANTS, Mutant
from .restore_mutants import RESTORE_MUTANTS
from .search import Report, follow, search

WITNESSES = Path(__file__).with_name("witnesses.json")
RUNS = 6000
OF_A_BACKUP = ("quiesce", "break-unit", "fence")
OF_A_RESTORE = ("quiesce-restore", "enter-restore-mode", "fence")


@dataclass(frozen=True)
class Witness:
    fair: bool  # see World
    schedule: list[str]


def recorded() -> dict[str, Witness]:
    return {name: Witness(**each) for name, each in json.loads(WITNESSES.read_text(encoding="utf-8")).items()}


def write(found: dict[str, Witness]) -> None:
    lines = (f"{json.dumps(name)}:{json.dumps(vars(each), separators=(',', ':'))}" for name, each in found.items())
    WITNESSES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def replay(binary: Path, mutant: Mutant, witness: Witness) -> Report:
    """One run of the mutant along this schedule, then by default to its end."""
    return follow(
        functools.partial(scenario.prepare, binary, mutant.scenario, mutant.edit), witness.schedule, witness.fair
    )


def caught(report: Report, mutant: Mutant) -> bool:
    return report.violation is not None and report.violation.args[0] == mutant.expect


def shows(binary: Path, mutant: Mutant) -> None:
    """Assert that the witness convicts the mutant, and that the real text holds along the same schedule."""
    steps = OF_A_RESTORE if mutant.scenario.restore else OF_A_BACKUP
    texts = [scenario.script(step, ("md1",)) for step in steps]
    assert any(mutant.old in text for text in texts), "the mutant's text is no longer there: adapt it"
    witness = recorded()[mutant.name]
    report = replay(binary, mutant, witness)
    assert caught(report, mutant), f"{report.violation}: have the scripts changed? `make witnesses` looks again"
    honest = replay(binary, Mutant("none", "", "\0", "\0", mutant.scenario), witness)
    assert honest.violation is None


def main() -> int:
    from lab.nodes.nodecmd import binary

    old, found, lost = recorded(), {}, 0
    for mutant in (*MUTANTS, *HOOK_MUTANTS, *RESTORE_MUTANTS, *FROZEN_MUTANTS):
        witness = old.get(mutant.name)
        if not (witness and caught(replay(binary(), mutant, witness), mutant)):
            make = functools.partial(scenario.prepare, binary(), mutant.scenario, mutant.edit)
            report = search(make, mutant.stalls, mutant.faults, runs=RUNS, focus=mutant.focus)
            if not caught(report, mutant):
                print(f"{mutant.name}: NOT CAUGHT, {report.violation} after {report}", flush=True)
                lost += 1
                continue
            print(f"{mutant.name}: {report.violation} after {report}", flush=True)
            witness = Witness(report.fair, report.schedule)
        found[mutant.name] = witness
        write(found | {name: each for name, each in old.items() if name not in found})
    write(found)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
