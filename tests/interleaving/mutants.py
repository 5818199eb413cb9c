"""Changes that break the scripts. A property must catch each of them.

A mutant replaces a piece of the deployed text. `expect` names the property that must fail. `stalls` and `faults` limit
the search for the schedule that shows it. witnesses.json keeps the schedules that were found, so the test replays one
run per mutant. If the scripts have changed and a witness no longer fits, the test searches again;
`python -m interleaving.mutants` in tests/ writes the file again.
"""

from __future__ import annotations

import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from .scenario import Scenario, prepare
from .search import Report, follow, search

WITNESSES = Path(__file__).with_name("witnesses.json")

CORE = Scenario("core")
FENCE_A = Scenario("fence-active", launches=("fenceA",))
FENCE_S = Scenario("fence-standby", launches=("fenceS",))
COPIES = Scenario("copies", units=False, launches=("docA", "copyA", "copyS"))
STRANGERS = Scenario("strangers", units=False, launches=("docA", "copy-late", "copy-boot", "copy-low"), epoch=2)
TWO_DISKS = Scenario("two-disks", disks=("md1", "md2"))
HOLD = Scenario("hold", launches=("hold",))
RELOAD = Scenario("reload", launches=("reload",))


@dataclass(frozen=True)
class Mutant:
    name: str
    expect: str
    old: str
    new: str
    scenario: Scenario = CORE
    stalls: int = 1
    faults: int = 0
    focus: tuple[str, ...] = ()  # the deviations that matter, see search()

    def edit(self, text: str) -> str:
        return text.replace(self.old, self.new)


MUTANTS = (
    Mutant(
        "the timer finishes while the active lives",
        "P1",
        'if ended "$UNIT-active"; then seen=$((seen + 1)); else seen=0; fi',
        "seen=$((seen + 1))",
        stalls=2,
        focus=("fire", "T"),
    ),
    Mutant(
        "the timer looks only once after the active has ended",
        "P1",
        "[ $seen -lt 2 ] || break\n            pause 5",
        "[ $seen -lt 1 ] || break\n            pause 5",
        stalls=2,
        faults=1,
        focus=("cut", "fire", "T"),
    ),
    Mutant("no timer is armed", "P1", "if ! arm; then", "if false; then", stalls=0),
    Mutant(
        "the timer is not restarted by systemd",
        "P1",
        "-p Restart=on-failure",
        "-p Restart=no",
        faults=2,
        focus=("kill",),
    ),
    Mutant(
        "systemd's default accuracy",
        "P6",
        "AccuracySec=100ms",
        "AccuracySec=1min",
        stalls=0,
        faults=1,
        focus=("kill:A",),
    ),
    Mutant(
        "sealed without RED",
        "P2",
        '[ "$WHERE/$OWN/$OTHERS" = offline/GREEN/RED ]',
        '[ "$WHERE/$OWN" = offline/GREEN ]\n    OTHERS=RED',
        focus=("A",),
    ),
    Mutant(
        "sealed without reading again under the lock",
        "P2",
        "! overruled && broken; then",
        "! overruled; then",
        stalls=0,
    ),
    Mutant(
        "one broken disk of two is enough",
        "P2",
        "MERGED=GREEN+RED",
        "MERGED=RED",
        scenario=TWO_DISKS,
        stalls=2,
        focus=("A",),
    ),
    Mutant(
        "no lock",
        "P3",
        'command exec 9>>"$RUN_DIR/L" && flock -w "$1" 9',
        'command exec 9>>"$RUN_DIR/L"',
        focus=("fire",),
    ),
    Mutant(
        "sealed although void",
        "P3",
        '[ ! -e "$RUN_DIR/sealed" ] && [ ! -e "$RUN_DIR/void" ]; then\n        if',
        "true; then\n        if",
        stalls=1,
        focus=("fire",),
    ),
    Mutant(
        "broke without reading again",
        "P4",
        "    look\n    where=$PEER_UP/$WHERE\n    colours\n",
        "    where=Online/offline OWN=RED OTHERS=GREEN\n",
        stalls=0,
    ),
    Mutant(
        "one look at an offline group is enough after a stale one",
        "P4",
        'if [ "$where/$OWN/$OTHERS" != Online/offline/RED/GREEN ]; then',
        "if false; then",
    ),
    Mutant(
        "a second copy acts",
        "P5",
        'mkdir "$marker" 2>/dev/null || replay "$marker"',
        'mkdir -p "$marker"',
        scenario=COPIES,
        stalls=0,
        faults=1,
    ),
    Mutant(
        "late commands act",
        "P5",
        '[ "$NOW" -le $((NOT_AFTER * 100)) ] || refuse late',
        ":",
        scenario=STRANGERS,
        stalls=0,
        faults=1,
    ),
    Mutant(
        "commands of another boot act",
        "P5",
        '[ -n "$BOOT" ] && [ "$BOOT" = "$EXPECTED_BOOT" ] || refuse other_boot',
        ":",
        scenario=STRANGERS,
        stalls=0,
        faults=1,
    ),
    Mutant(
        "lower epochs act",
        "P5",
        '[ "$STORED" -le "$EPOCH" ] || refuse',
        '[ 1 -le "$EPOCH" ] || refuse',
        scenario=STRANGERS,
        stalls=0,
        faults=1,
    ),
    Mutant(
        "the timer waits for ever for a start that hangs",
        "P6",
        "run_bounded $((START + 10)) clpgrp -s",
        "run_bounded 0 clpgrp -s",
        faults=2,
        stalls=0,
        focus=("kill:A", "hang"),
    ),
    Mutant(
        "the timer gives up after one start",
        "P8",
        "            start_groups\n            pause 1\n",
        "            start_groups\n            break\n",
        stalls=0,
        faults=2,
        focus=("kill:A", "fail"),
    ),
    Mutant(
        "a fence leaves the active running",
        "P7",
        'end_unit "mirrorsnap-$run-active"',
        ":",
        scenario=FENCE_A,
        stalls=1,
        faults=1,
        focus=("launch", "fenceA"),
    ),
    Mutant(
        "a fence leaves the standby running",
        "P7",
        'end_unit "mirrorsnap-$run-break"',
        ":",
        scenario=FENCE_S,
        stalls=1,
        faults=1,
        focus=("launch", "fenceS"),
    ),
    Mutant(
        "a fenced active seals",
        "P7",
        "[ $wanted = sealed ] && ! overruled && broken; then",
        "[ $wanted = sealed ] && broken; then",
        scenario=FENCE_A,
        stalls=1,
        faults=1,
        focus=("launch", "fenceA", "A"),
    ),
    Mutant(
        "the timer is cancelled before the groups are read online",
        "P8",
        'until look && [ "$WHERE" = self ]; do',
        'stop_unit "$UNIT-timer.timer"\n    until look && [ "$WHERE" = self ]; do',
        stalls=0,
    ),
    Mutant(
        "done before the groups are read online",
        "P8",
        'until look && [ "$WHERE" = self ]; do',
        'note done \',"by":"active"\'\n    until look && [ "$WHERE" = self ]; do',
        stalls=0,
    ),
    Mutant(
        "the timer counts from its activation alone",
        "P10",
        '        --on-boot="$((started / 100 + TMAX - START))s" --timer-property',
        "        --timer-property",
        scenario=RELOAD,
        stalls=0,
        faults=1,
        focus=("launch", "reload"),
    ),
)


def hunt(binary: Path, mutant: Mutant, runs: int = 3000) -> Report:
    """Search for a schedule in which the mutant violates a property."""
    make = functools.partial(prepare, binary, mutant.scenario, mutant.edit)
    return search(make, mutant.stalls, mutant.faults, runs=runs, focus=mutant.focus)


def replay(binary: Path, mutant: Mutant, schedule: list[str], fair: bool = True) -> Report:
    """One run of the mutant along this schedule, then by default to its end."""
    return follow(functools.partial(prepare, binary, mutant.scenario, mutant.edit), schedule, fair)


def main() -> int:
    from lab.nodes.nodecmd import binary

    wanted = sys.argv[1:]
    found: dict[str, list[str]] = json.loads(WITNESSES.read_text()) if WITNESSES.exists() else {}
    for mutant in MUTANTS:
        if wanted and mutant.name not in wanted:
            continue
        report = hunt(binary(), mutant)
        print(f"{mutant.name}: {report.violation} after {report}", flush=True)
        if report.violation and report.violation.args[0] == mutant.expect:
            found[mutant.name] = report.schedule
            WITNESSES.write_text(json.dumps(found, indent=None, separators=(",", ":")).replace("],", "],\n") + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
