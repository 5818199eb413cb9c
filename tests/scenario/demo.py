"""`make demo`: backups of the seed's cluster in the lab, one without an outage and one with it, a restore from the
latter, the way back, and a restore again.

Deploys the user's template into a fresh lab and lets an application write through the group all the time. Each
operation is shown live on the terminal. It is proved from the lab's own bytes and log, never from the product's output.
Leaves target/demo/report.json and report.html. Exit 0 only if everything was proved.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lab.client import Lab
from lab.context import Timing

from .acts import Acts
from .deployment import ROOT, ProductError
from .page import page
from .summary import summary

OUT = ROOT / "target" / "demo"
# Another start-up wait for the cluster. The lab has CLUSTERPRO's default, which costs minutes of a rollback.
PEER_WAIT = 20.0


def _pace(scale: float) -> str:
    if scale <= 1:
        return "Time ran as in life." if scale == 1 else f"Time ran at {scale:g} times life."
    return (
        f"Time ran at {scale:g} times life, so what this machine had to work counts {scale:g} times in every figure; "
        "the bound of mirrorsnap's own part of a recovery time is claimed at life's pace only."
    )


def _commands(seconds: float) -> str:
    return f"Each of CLUSTERPRO's commands took {seconds:g} s. " if seconds else ""


def write(acts: Acts, command_time: float) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"operations": acts.operations}, indent=1, ensure_ascii=False)
    (OUT / "report.json").write_text(text + "\n", encoding="utf-8")
    words = (
        "A two-node CLUSTERPRO cluster in the lab: simulated nodes and AWS; the template, state machines, command "
        "documents and functions are those that are deployed. An application writes through the group all the time. "
        f"{_pace(acts.lab.scale)} {_commands(command_time)}The nodes of this "
        f"cluster wait {PEER_WAIT:g} s for one another when they start; CLUSTERPRO's default is "
        f"{Timing.peer_wait:g} s."
    )
    (OUT / "report.html").write_text(page("mirrorsnap: demonstration", words, acts.sections), encoding="utf-8")


def run(scale: float, log: Path | None, command_time: float) -> bool:
    """The whole demonstration in a lab of its own; whether everything was proved. ProductError, RuntimeError.

    `command_time`: seconds that each of CLUSTERPRO's commands takes beside its work.
    """
    with tempfile.TemporaryDirectory(prefix="mirrorsnap-demo-") as directory:
        cluster: dict[str, Any] = {"timing": {"peer_wait": PEER_WAIT, "clp_command": command_time}}
        file = Path(directory) / "cluster.json"
        file.write_text(json.dumps(cluster), encoding="utf-8")
        with Lab(scale=scale, options=["--cluster", str(file)]) as lab:
            acts = Acts(lab, cluster)
            try:
                held = acts.run()
            finally:
                if log:
                    log.write_text("".join(json.dumps(e) + "\n" for e in lab.log()), encoding="utf-8")
            write(acts, command_time)
            for line in summary(acts.operations, acts.claims):
                acts.say(line)
    acts.say(f"\nreport: {OUT.relative_to(ROOT)}/report.html and report.json")
    return held


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.split("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="lab seconds per real second (default 1)")
    parser.add_argument("--command-time", type=float, default=0.0, help="seconds that a clp command takes (default 0)")
    parser.add_argument("--log", type=Path, help="write the lab's log here, one JSON object a line")
    args = parser.parse_args(argv)
    begun = time.monotonic()
    print("starting the lab", file=sys.stderr, flush=True)
    try:
        held = run(args.scale, args.log, args.command_time)
    except (ProductError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 3
    print(f"{'done' if held else 'FAILED'} in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
