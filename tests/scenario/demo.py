"""`make demo`: a backup of the seed's cluster in the lab, live on the terminal, proved from the lab's own bytes.

Deploys what a user deploys into a fresh lab, writes through the group all the time, runs a backup, proves what the
snapshot holds, and leaves target/demo/report.json and report.html. Exit 0 only if everything was proved.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse as parse_cluster

from . import lanes, operation, proof, report
from .drawing import Band, draw
from .format import Expect, Step
from .journal import Journal
from .live import Live
from .operation import Operation
from .page import Section, page
from .product import ROOT, Product, ProductError, wait_until_up
from .timeline import Window
from .writer import Writer

OUT = ROOT / "target" / "demo"
HEALTHY_WITHIN = 60.0


class Demo:
    def __init__(self, lab: Lab) -> None:
        spec = parse_cluster({})
        self.lab = lab
        self.nodes = spec.nodes
        self.product = Product(lab, spec)
        self.journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
        self.live = Live(self.journal)
        self.claims: list[proof.Claim] = []
        self.operations: list[dict[str, Any]] = []
        self.sections: list[Section] = []

    def say(self, text: str) -> None:
        self.live.line(text)

    def run(self) -> bool:
        self.say("deploying into the lab what a user deploys into AWS")
        self.product.deploy(lambda text: self.say(f"  {text}"))
        wait_until_up(self.lab)
        with Writer(self.lab) as writer:
            self.lab.sleep(2)
            self.backup(writer)
        if writer.problem:
            raise ProductError(f"the application of the demonstration failed: {writer.problem}")
        return all(held for held, _ in self.claims)

    def backup(self, writer: Writer) -> None:
        self.say("\nbackup of cluster orders: server1 is active, an application writes all the time\n")
        step = Step(0, "backup", {}, expect=Expect(status="SUCCEEDED", healthy_within=HEALTHY_WITHIN))
        begun = operation.begin(self.product, step, "backup", {}, [])
        self.live.begin(begun.started)
        operation.finish(self.product, self.journal, begun, self.live.look)
        self.live.end(begun)
        operation.judge(self.product, self.journal, begun, set())
        writer.stop()
        self.journal.now()
        violations = [{"oracle": v["oracle"], "text": v["text"]} for v in self.lab.control("oracles")["violations"]] + [
            {"oracle": 2, "text": text} for text in begun.residue
        ]
        made = [s["SnapshotId"] for s in self.product.snapshots()]
        figures = report.figures(self.product, self.journal, begun, "backup", made, violations)
        claims: list[proof.Claim] = [(not begun.failures, "; ".join(begun.failures) or "the backup SUCCEEDED")]
        down = report.outage(self.journal, begun)
        for snapshot in made:
            claims += proof.image(
                self.lab, self.journal, snapshot, down.start if down else begun.started, writer.written
            )
        claims.append((len(self.product.valid_backups()) == 1, "one backup carries the tag that says that it is valid"))
        claims += proof.mirror(self.lab, writer.written)
        texts = "; ".join(v["text"] for v in violations)
        claims.append((not violations, texts or "the cluster is normal, and no oracle was violated at any moment"))
        self.operations.append(figures)
        self.claims += claims
        self.sections.append(self.section("Backup", begun, figures, claims, writer))

    # --- what is written ---

    def section(
        self, title: str, begun: Operation, figures: dict[str, Any], claims: list[proof.Claim], writer: Writer
    ) -> Section:
        whole, down = report.span(begun), report.outage(self.journal, begun)
        single = report.without_redundancy(self.journal, begun)
        until = max([whole.end, *(w.end for w in single)])
        bands = [
            Band(w, "degraded", f"without redundancy {w.seconds:.1f} s") for w in single
        ] + ([Band(down, "outage", f"outage {down.seconds:.2f} s")] if down else [])  # fmt: skip
        drawings = [("From start to end", "Seconds since the start of the execution.",
                     self.drawing(title, begun, Window(whole.start - 1, until + 1), bands))]  # fmt: skip
        if down:
            near = Window(down.start - 1.0, down.end + 1.0)
            words = (
                "The clusterware's own commands, and what lies between them: only that is ours. Seconds since the stop."
            )
            drawings.append(
                ("The outage, enlarged", words, self.drawing("outage", begun, near, bands[-1:], down.start))
            )
        return Section(
            title,
            f"{figures['status']}. An application wrote {len(writer.written)} files meanwhile, and was refused "
            f"{writer.refused} times during the outage.",
            [
                (f"{figures['outage_seconds']:.2f} s", "outage"),
                (
                    f"{figures['outage_seconds'] - figures['outage_cluster_seconds']:.2f} s",
                    "of it not the clusterware's",
                ),
                (f"{figures['degraded_seconds']:.1f} s", "without redundancy"),
                (f"{figures['total_seconds']:.1f} s", "from start to end"),
                (f"{figures['transitions']}", "state transitions"),
            ],
            drawings,
            claims,
        )

    def drawing(
        self, title: str, begun: Operation, window: Window, bands: list[Band], zero: float | None = None
    ) -> str:
        assert begun.family is not None
        entries = self.journal.entries
        phases = self.journal.phases({m["arn"] for m in begun.family.members})
        enlarged = zero is not None
        over = begun.ended or window.end
        parts = [
            lanes.steps([*phases, (over, "")], window),
            *lanes.groups(entries, self.journal.groups, window),
            *([lanes.commands(entries, window)] if enlarged else []),
            *lanes.mirrors(entries, self.journal.disks, self.nodes, window),
            *lanes.nodes(entries, self.nodes, window),
            *lanes.snapshots(entries, window),
        ]
        return draw(title, parts, window, begun.started if zero is None else zero, bands)

    def write(self) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"operations": self.operations}, indent=1, ensure_ascii=False)
        (OUT / "report.json").write_text(text + "\n", encoding="utf-8")
        words = (
            "A two-node CLUSTERPRO cluster in the lab: simulated nodes and AWS; the template, state machines, command "
            f"documents and functions are those that are deployed. Time ran at {self.lab.scale:g} times life."
        )
        (OUT / "report.html").write_text(page("mirrorsnap: demonstration", words, self.sections), encoding="utf-8")

    def summary(self) -> None:
        self.say("")
        for each in self.operations:
            ours = each["outage_seconds"] - each["outage_cluster_seconds"]
            for name, value in (
                (f"{each['kind']}", each["status"]),
                ("outage", f"{each['outage_seconds']:.2f} s, of which {ours:.2f} s are not the clusterware's own"),
                ("without redundancy", f"{each['degraded_seconds']:.1f} s"),
                ("from start to end", f"{each['total_seconds']:.1f} s"),
                ("state transitions", f"{each['transitions']} (and {each['completion_poll_transitions']} of polling)"),
                ("snapshots", ", ".join(each["snapshots"]) or "none"),
            ):
                self.say(f"  {name:<20} {value}")
        self.say("")
        for held, text in self.claims:
            self.say(f"  {'proved' if held else 'NOT TRUE'}: {text}")
        self.say(f"\nreport: {OUT.relative_to(ROOT)}/report.html and report.json")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.split("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="lab seconds per real second (default 1)")
    parser.add_argument("--log", type=Path, help="write the lab's log here, one JSON object a line")
    args = parser.parse_args(argv)
    begun = time.monotonic()
    print("starting the lab", file=sys.stderr, flush=True)
    try:
        with Lab(scale=args.scale) as lab:
            demo = Demo(lab)
            held = demo.run()
            demo.write()
            demo.summary()
            if args.log:
                args.log.write_text("".join(json.dumps(e) + "\n" for e in lab.log()), encoding="utf-8")
    except (ProductError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 3
    print(f"{'done' if held else 'FAILED'} in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
