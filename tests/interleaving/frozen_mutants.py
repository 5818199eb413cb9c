"""Changes that break the way in which a frozen backup is quiet (infra/documents/section/freeze.sh)."""

from __future__ import annotations

from .mutants import Mutant
from .scenario import Scenario

CORE = Scenario("frozen", frozen=True)
TWO_DISKS = Scenario("frozen-two-disks", frozen=True, disks=("md1", "md2"))
HOOKS = Scenario("frozen-hooks", frozen=True, hooks=True)
DOCUMENTS = Scenario("frozen-documents", frozen=True, units=False, launches=("docA",))
SHUTDOWN = Scenario("frozen-shutdown", frozen=True, launches=("shutdown",))
GONE = Scenario("frozen-directories-gone", frozen=True, launches=("gone",))
FREEZES = Scenario("frozen-somebody-freezes", frozen=True, launches=("freezes",))
UNFREEZES = Scenario("frozen-somebody-thaws", frozen=True, launches=("unfreezes",))
BLINKS = Scenario("frozen-somebody-thaws-and-freezes", frozen=True, launches=("blinks",))
STOPS = Scenario("frozen-somebody-stops", frozen=True, launches=("stops",))
OTHERS = tuple(
    Scenario(f"frozen-{name}", frozen=True, launches=(name,))
    for name in (
        *("fenceA", "fenceS", "hold", "reload"),
        *("suspends", "waves", "resumes", "works", "unguards", "copies"),
    )
)

FROZEN_MUTANTS = (
    Mutant(
        "nobody thaws when the node shuts down",
        "P6",
        """trap 'trap "" TERM; [ "$ROLE" != timer ] || read_frozen; thaw_for_good; exit 143' TERM""",
        ":",
        scenario=SHUTDOWN,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "a unit that is told to end thaws once, while an fsfreeze is alive",
        "P6",
        "thaw_for_good; exit 143",
        "thaw_all; exit 143",
        scenario=SHUTDOWN,
        stalls=0,
        faults=2,
        focus=("launch", "slow", "bound"),
    ),
    Mutant(
        "the timer ends while an fsfreeze is alive",
        "P8",
        'if ended "$UNIT-active" && none_freezes; then',
        'if ended "$UNIT-active"; then',
        scenario=CORE,
        stalls=0,
        faults=2,
        focus=("slow", "kill"),
    ),
    Mutant(
        "the active ends while an fsfreeze is alive",
        "P8",
        "! none_freezes || settled=yes",
        "settled=yes",
        scenario=CORE,
        stalls=0,
        faults=1,
        focus=("slow",),
    ),
    Mutant(
        "sealed though nobody knows that it was still frozen",
        "P2",
        "if holds; then",
        "if true; then",
        scenario=UNFREEZES,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "frozen, and sealed without RED",
        "P2",
        "until see $also mirrors && red; do",
        "until see groups mirrors && quiet; do",
        scenario=CORE,
        stalls=0,
    ),
    Mutant(
        "frozen, and the groups are not read again after the break",
        "P4",
        "AGAIN=groups",
        "AGAIN=",
        scenario=CORE,
        stalls=0,
    ),
    Mutant(
        "what is frozen is written nowhere",
        "P8",
        'put "$RUN_DIR/mounts" "$frozen $each" || return 1',
        ":",
        scenario=CORE,
        stalls=0,
        faults=1,
        focus=("kill",),
    ),
    Mutant(
        "somebody else's freeze is thawed",
        "others",
        'reason=frozen_already frozen=${frozen% "$each"}',
        "reason=frozen_already",
        scenario=FREEZES,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "frozen without a mount",
        "root",
        'cd "$MOUNT_ROOT$1" && is_mounted "$1" || exit 1',
        'cd "$MOUNT_ROOT$1" || exit 1',
        scenario=STOPS,
        stalls=0,
        faults=1,
        focus=("launch",),
    ),
    Mutant(
        "frozen before anything says so",
        "P1",
        'note freezing ",\\"pause\\":$PAUSE"',
        ":",
        scenario=CORE,
        stalls=0,
    ),
    Mutant(
        "the timer forgets the hook",
        "hooks",
        "void_by_timer 5\n        after timer",
        "void_by_timer 5",
        scenario=HOOKS,
        stalls=0,
        faults=1,
        focus=("kill:A",),
    ),
    Mutant(
        "the hook runs unrecorded",
        "hooks",
        "note before && run_hook before",
        "run_hook before",
        scenario=HOOKS,
        stalls=0,
    ),
    Mutant(
        "the pause begins before its moment",
        "P6",
        "freeze_at=$(((started / 100 + TMAX - PAUSE) * 100)) frozen=''",
        "freeze_at=$started frozen=''",
        scenario=CORE,
        stalls=0,
        faults=1,
        focus=("kill:A",),
    ),
    Mutant(
        "the timer comes back too late",
        "P6",
        "RESTARTS='-p RestartSec=0.5 -p StartLimitIntervalSec=0'",
        "RESTARTS='-p RestartSec=3'",
        scenario=CORE,
        stalls=0,
        faults=2,
        focus=("kill:A", "kill:T"),
    ),
    Mutant(
        "done before the thaw",
        "P8",
        "bring_back() {\n        thaw_for_good",
        "bring_back() {\n        note done\n        thaw_for_good",
        scenario=CORE,
        stalls=0,
    ),
    Mutant(
        "an answer that is no answer counts as a thaw",
        "P8",
        "*'Invalid argument') ;; *) thawed=no ;;",
        "*) ;;",
        scenario=CORE,
        stalls=0,
        faults=1,
        focus=("fail:A", "hang:A"),
    ),
    Mutant(
        "the thaw needs the run's directory",
        "P1",
        "; $otherwise; exit 1",
        "; exit 0",
        scenario=GONE,
        stalls=0,
        faults=2,
        focus=("launch", "kill:A"),
    ),
)
