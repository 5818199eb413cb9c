"""Changes that break the scripts. A property must catch each of them.

A mutant replaces a piece of the deployed text. `expect` names the property that must fail. `stalls` and `faults` limit
the search for the schedule that shows it (witness.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from .scenario import Scenario

CORE = Scenario("core")
FENCE_A = Scenario("fence-active", launches=("fenceA",))
FENCE_S = Scenario("fence-standby", launches=("fenceS",))
COPIES = Scenario("copies", units=False, launches=("docA", "copyA", "copyS"))
STRANGERS = Scenario("strangers", units=False, launches=("docA", "copy-late", "copy-boot", "copy-low"), epoch=2)
TWO_DISKS = Scenario("two-disks", disks=("md1", "md2"))
HOLD = Scenario("hold", launches=("hold",))
RELOAD = Scenario("reload", launches=("reload",))
GONE = Scenario("directories-gone", launches=("gone",))
FULL = tuple(Scenario(f"{node}-is-full", launches=(f"full-{node}",)) for node in "as")
STOPS = Scenario("somebody-stops", launches=("stops",))
OLD_BATON = Scenario("old-baton", launches=("stops",), old_baton=True)
BLIPS = Scenario("somebody-stops-and-starts", launches=("blips",))
LENIENT = Scenario("a-second-stop-answers-0", launches=("blips",), lenient=True)
THAWS = Scenario("somebody-starts-and-stops", launches=("thaws",))
MOVES = Scenario("somebody-moves", launches=("moves",))
SUSPENDS = Scenario("somebody-suspends", launches=("suspends",))
WAVES = Scenario("somebody-suspends-and-resumes", launches=("waves",))
RESUMES = Scenario("somebody-resumes", launches=("resumes",))
WORKS = Scenario("somebody-suspends-and-stops", launches=("works",))
UNGUARDS = Scenario("somebody-resumes-the-standby", launches=("unguards",))
COPIED = Scenario("something-copies", launches=("copies",))
SOMEBODY = (
    *(STOPS, OLD_BATON, BLIPS, LENIENT, THAWS, MOVES, SUSPENDS, WAVES, RESUMES, WORKS, UNGUARDS, COPIED),
    Scenario("both-disks-somebody-works", disks=("md1", "md2"), launches=("works",)),
)


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
        "-p Restart=on-failure $RESTARTS",
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
        '[ "$OWN/$OTHERS" = GREEN/RED ]',
        '[ "$OWN" = GREEN ]',
        focus=("A",),
    ),
    Mutant(
        "sealed without reading again under the lock",
        "P2",
        "        if holds; then",
        "        if true; then",
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
        'until see $AGAIN mirrors && unchanged && [ "$OWN/$OTHERS" = RED/GREEN ]; do',
        "until :; do",
        stalls=0,
    ),
    Mutant(
        "a table of the groups that cannot be read counts as the one before it",
        "P2",
        "STATUS=${1-}\n            judge_groups\n",
        '[ -z "${1-}" ] || { STATUS=$1 && judge_groups; }\n',
        stalls=0,
        faults=1,
        focus=("fail:A",),
    ),
    Mutant(
        "colours that cannot be read count as the ones before them",
        "P2",
        "MIRROR=${1-}\n",
        "MIRROR=${1:-$MIRROR}\n",
        stalls=0,
        faults=1,
        focus=("fail:A",),
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
        "order_groups $((START + 10)) -s",
        "order_groups 0 -s",
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
        "while ! overruled; do",
        "while true; do",
        scenario=FENCE_A,
        stalls=1,
        faults=1,
        focus=("launch", "fenceA", "A"),
    ),
    Mutant(
        "the timer is cancelled before the groups are read online",
        "P8",
        "bring_back() {\n",
        'bring_back() {\n    stop_unit "$UNIT-timer.timer"\n',
        stalls=0,
    ),
    Mutant(
        "done before the groups are read online",
        "P8",
        "bring_back() {\n",
        'bring_back() {\n    note done \',"by":"active"\'\n',
        stalls=0,
    ),
    Mutant(
        "the standby takes the baton of an earlier run",
        "P9",
        '[ "$THEIRS" != online ] || edge=yes',
        "edge=yes",
        scenario=OLD_BATON,
        faults=1,
        focus=("launch", "lagm"),
    ),
    Mutant(
        "the standby does not wait for the baton",
        "P9",
        '[ "$edge/$THEIRS" = yes/suspended ] || return 1',
        ":",
        scenario=STOPS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "somebody's stop counts as ours",
        "P9",
        'case $ours in *" $each "*) ;; *) return 1 ;; esac',
        ":",
        scenario=STOPS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "what clpgrp -t answered does not count",
        "P9",
        'run_order "$bound" clpgrp "$option" "$1" >&3 2>&3 || return 1',
        'run_order "$bound" clpgrp "$option" "$1" >&3 2>&3 || :',
        scenario=STOPS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "the active takes suspended monitors for its own",
        "P9",
        '[ "$MINE" = online ] || refused monitors',
        ":",
        scenario=SUSPENDS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "a baton on monitors that somebody has suspended",
        "P9",
        '[ "$MINE/$OWN/$OTHERS" = online/GREEN/GREEN ]; do',
        '[ "$OWN/$OTHERS" = GREEN/GREEN ]; do',
        scenario=SUSPENDS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "only the run's directory says that the monitors are ours",
        "rule 11",
        'put "$VAR_ROOT/$RUN/baton" "$NOTED" || return 1',
        ":",
        stalls=0,
    ),
    Mutant(
        "writes since the baton do not count",
        "P2",
        '! counts || [ "$WRITES" != "$quiet" ] || return 0',
        "return 0",
        scenario=THAWS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "the standby breaks with a running monitor of its own",
        "rule 3",
        "online | mixed) reason=monitors && return 1 ;;",
        "",
        scenario=UNGUARDS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "writes on the standby do not count",
        "rule 3",
        '! { counts && [ "$WRITES" = "$before" ]; }; then',
        "false; then",
        scenario=COPIED,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "the timer needs the run's directory",
        "P6",
        "; $otherwise",
        "",
        scenario=GONE,
        stalls=0,
        faults=2,
        focus=("launch", "kill:A"),
    ),
    Mutant(
        "the timer starts nothing if its record cannot be written",
        "P6",
        """note void ',"by":"timer","reason":"deadline"'""",
        """{ note void ',"by":"timer","reason":"deadline"' || exit 1; }""",
        scenario=FULL[0],
        stalls=0,
        faults=2,
        focus=("launch", "kill:A"),
    ),
    Mutant(
        "a failed group is not stopped first",
        "P6",
        'if [ -n "$FAILED" ] && past "$stop_failed_at"; then',
        "if false; then",
        stalls=0,
        faults=1,
        focus=("spoil",),
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
