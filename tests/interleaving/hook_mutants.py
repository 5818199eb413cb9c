"""Changes that break how a stopped backup runs the operator's hooks (infra/documents/section/common.sh)."""

from __future__ import annotations

from .mutants import Mutant
from .scenario import Scenario

HOOKS = Scenario("hooks", hooks=True)

HOOK_MUTANTS = (
    Mutant(
        "the timer forgets the hook of a stopped backup",
        "hooks",
        "after timer\n    note 'done'",
        "note 'done'",
        scenario=HOOKS,
        stalls=0,
        faults=1,
        focus=("kill:A",),
    ),
    Mutant(
        "the hook runs unrecorded in a stopped backup",
        "hooks",
        "note before && run_hook before",
        "run_hook before",
        scenario=HOOKS,
        stalls=0,
    ),
    Mutant(
        "the hook runs before the timer is armed",
        "hooks",
        "    if ! arm; then",
        "    prepare\n    if ! arm; then",
        scenario=HOOKS,
        stalls=0,
    ),
    Mutant(
        "the hook `after` runs before the groups are back",
        "hooks",
        "bring_back() {\n    while :; do\n        [",
        "bring_back() {\n    after active\n    while :; do\n        [",
        scenario=HOOKS,
        stalls=0,
    ),
)
