"""Changes that break the scripts of a restore. A property must catch each of them, as in mutants.py."""

from __future__ import annotations

from .mutants import Mutant
from .scenario import Scenario

DOWN = Scenario("down", restore=True, launches=("docE",))
STAYS = Scenario("nobody-orders-the-shutdown", restore=True)
FENCED = Scenario("down-fenced", restore=True, launches=("docE", "fenceA"))
HELD = Scenario("down-held", restore=True, launches=("docE", "hold"))
COPIES = Scenario("down-copies", restore=True, launches=("docE", "copyE"))
FULL = Scenario("down-full", restore=True, launches=("docE", "full-a"))

RESTORE_MUTANTS = (
    Mutant(
        "the unit does not look for a timer that came first",
        "R2",
        'if [ -e "$RUN_DIR/void" ] || [ -e "$RUN_DIR/done" ] || [ "$STORED"',
        'if [ "$STORED"',
        scenario=DOWN,
        stalls=2,
    ),
    Mutant(
        "the timer does not look for a shutdown that is being ordered",
        "R2",
        'if [ -e "$RUN_DIR/leaving" ]; then',
        "if false; then",
        scenario=DOWN,
    ),
    Mutant(
        "the timer leaves it to a shutdown that nobody orders any more",
        "P1",
        "        ! departed || exit 0\n",
        "        exit 0\n",
        scenario=DOWN,
        stalls=0,
        faults=1,
        focus=("kill:J",),
    ),
    Mutant(
        "the timer is cancelled once the groups are down",
        "P8",
        "if note stopped; then return; fi",
        'if note stopped; then stop_unit "$UNIT-timer.timer"; return; fi',
        scenario=DOWN,
        stalls=0,
    ),
    Mutant(
        "a fence does not end what would still order the shutdown",
        "P7",
        'if [ -e "$dir/leave.sh" ] && ! no_more_leaving "$dir"; then',
        "if false; then",
        scenario=FENCED,
        stalls=2,
        faults=1,
        focus=("launch", "J", "fenceA"),
    ),
)
