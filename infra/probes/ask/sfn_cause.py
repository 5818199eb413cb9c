"""sfn-cause: the cause of a failure of 30,000 and of 40,000 characters, as DescribeExecution has it."""

from __future__ import annotations

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds

LONGEST = 32768


def ask(scratch: Scratch) -> list[int]:
    fail = {"Type": "Fail", "Error": "Probe", "Cause": "{% $pad('', $states.input.length, 'x') %}"}
    machine = scratch.machine("cause", {"Fail": fail})
    causes = [scratch.executed(machine, f'{{"length": {length}}}').get("cause", "") for length in (30000, 40000)]
    return [len(each) for each in causes]


def judge(seen: list[int]) -> Verdict:
    wrong = []
    if seen[0] != 30000:
        wrong.append(f"Of 30,000 characters {seen[0]} are there.")
    if not 0 < seen[1] <= LONGEST:
        wrong.append(f"Of 40,000 characters {seen[1]} are there.")
    return holds(seen, wrong)


PROBE = Probe("sfn-cause", ask, judge, minutes=0.2)
