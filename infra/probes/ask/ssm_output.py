"""ssm-output: what is kept of 40,000 characters."""

from __future__ import annotations

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds

SCRIPT = "head -c 20000 /dev/zero | tr '\\000' a; head -c 20000 /dev/zero | tr '\\000' b"


def ask(scratch: Scratch) -> str:
    return scratch.shell_output(SCRIPT)


def judge(seen: str) -> Verdict:
    # AWS adds a mark of its own behind what it has cut.
    kept = f"{len(seen)} characters, of which {seen.count('a')} of the first 20,000"
    return holds(kept, [] if seen[:24000] == "a" * 20000 + "b" * 4000 else [f"Kept are {kept}."])


PROBE = Probe("ssm-output", ask, judge, minutes=0.2, needs=("instance",))
