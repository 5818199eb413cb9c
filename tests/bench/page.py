"""docs/performance.md and its drawing, out of target/bench/report.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from . import figures, paper

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
NAMES = {
    "mirrorsnap": "mirrorsnap",
    "mirrorsnap_frozen": "mirrorsnap, a frozen backup",
    "cli_waiters": "the vendor's procedure by script, the AWS CLI's waiters",
    "cli_1s": "the same script, which looks every second",
    "polling_state_machine": "a state machine of SDK integrations, which looks every 5 s",
}
COLUMNS = (
    ("outage_seconds", "outage", "s"),
    ("pause_seconds", "writes wait", "s"),
    ("outage_overhead_seconds", "of it beyond the clusterware", "s"),
    ("degraded_seconds", "without redundancy", "s"),
    ("total_seconds", "in all", "s"),
    ("transitions", "state transitions", ""),
    ("lambda_ms", "Lambda", "ms"),
    ("api_calls", "API calls", ""),
    ("cost_usd", "cost", "$"),
)
BAR, ROW, LEFT, RIGHT = 16, 44, 360, 90


def _shown(measured: dict[str, Any] | None, unit: str) -> str:
    if measured is None:
        return "–"
    median, least, most = measured["median"], measured["min"], measured["max"]
    if unit == "$":
        return f"${median:.5f}"
    digits = 2 if unit == "s" else 0
    spread = "" if measured["runs"] == 1 or least == most else f" ({least:.{digits}f}–{most:.{digits}f})"
    return f"{median:.{digits}f} {unit}".strip() + spread


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows), ""]


def _approaches(report: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for pace in ("0.1", "0.7"):
        rows = [
            [NAMES[name], *(_shown(by_pace[pace].get(key), unit) for key, _, unit in COLUMNS)]
            for name, by_pace in report.get("approaches", {}).items()
            if pace in by_pace
        ]
        if rows:
            found += [f"Each of the vendor's commands takes {pace} s:", ""]
            found += _table(["backup by", *(title for _, title, _ in COLUMNS)], rows)
    return found


def _spent(report: dict[str, Any]) -> list[str]:
    """What our own figures are spent on, the largest first."""
    rows = []
    for pace, each in report.get("approaches", {}).get(figures.OURS, {}).items():
        parts = {name: value for name, value in each["parts"].items() if name != "cluster"}
        rows.append([f"a backup's outage beyond the clusterware, commands of {pace} s", _largest(parts)])
        if "degraded_parts" in each:
            rows.append([f"its time without redundancy, commands of {pace} s", _largest(each["degraded_parts"])])
    for kind, each in report.get("restore", {}).items():
        name = "a rollback's outage, our own part" if kind == "rollback" else f"a restore's ({kind}), our own part"
        rows.append([name, _largest(each.get("own_parts", {}))])
    return (
        ["## What the time is spent on", "", SPENT, *_table(["", "seconds, the largest first"], rows)] if rows else []
    )


def _largest(parts: dict[str, Any]) -> str:
    found = sorted(((each["median"], name) for name, each in parts.items()), reverse=True)
    return ", ".join(f"{name} {seconds:.2f}" for seconds, name in found[:5] if seconds >= 0.01) or "–"


def _others(report: dict[str, Any]) -> list[str]:
    found: list[str] = []
    if restored := report.get("restore"):
        rows = [
            [kind, *(_shown(each.get(key), "s") for key in ("outage_seconds", "rto_own_seconds", "total_seconds"))]
            for kind, each in restored.items()
        ]
        found += ["## Restores", "", "By how the new volumes are initialized, and the way back:", ""]
        found += _table(["restore", "outage", "of it our own", "in all"], rows)
    if applications := report.get("applications"):
        rows = [[f"{seconds} s", _shown(each["outage_seconds"], "s")] for seconds, each in applications.items()]
        found += ["## Applications", "", "An application that takes so long to stop and start:", ""]
        found += _table(["application", "outage of a backup"], rows)
    if functions := report.get("functions"):
        keys = (("cold_start_ms", "ms"), ("first_call_ms", "ms"), ("peak_memory_mb", "MB"))
        rows = [[name, *(_shown(each.get(key), unit) for key, unit in keys)] for name, each in functions.items()]
        found += [
            "## Functions",
            "",
            "The same step behind the same runtime interface, in Rust and in Python with boto3:",
            "",
        ]
        found += _table(["", "cold start", "first call", "peak memory"], rows)
    return found


def _growth(report: dict[str, Any]) -> list[str]:
    if not (sizes := report.get("growth")):
        return []
    rows = [
        [
            *(str(each["clusters"]), f"{each['transitions_per_cluster']:.1f}", f"{each['calls_per_cluster']:.1f}"),
            *(
                ", ".join(f"{call} {count}" for call, count in list(each["peaks"].items())[:4]),
                f"{each['total_seconds']:g} s",
            ),
            f"{100 * each['host_busy']:.0f} %",
            f"{100 * each.get('lab_busy', 0):.0f} %",
        ]
        for each in sizes
    ]
    head = ["clusters", "transitions of each", "calls of each", "most calls in a second", "in all"]
    head += ["this machine busy", "the lab's own process, of one processor"]
    return ["## Many clusters at once", "", GROWTH, *_table(head, rows)]


def _on_paper(report: dict[str, Any]) -> list[str]:
    """For volumes and fleets that no two cores can play."""
    measured = report.get("approaches", {}).get(figures.OURS, {}).get("0.1")
    sizes = report.get("growth", [])
    if not measured or "transitions" not in measured or not sizes:
        return []
    found = ["## On paper", "", ON_PAPER]
    found += _table(
        ["volume", "snapshot", "complete after", "state transitions", "orchestration", "proof"], paper.backups(measured)
    )
    found += [RESTORE_ON_PAPER]
    found += _table(["volume", "initialization", "wait before the outage", "the volumes", "cost"], paper.restores())
    found += [FLEET_ON_PAPER]
    head = ["clusters due at once", "state transitions", "API calls", "a night costs", "held back by"]
    return [*found, *_table(head, paper.fleets(sizes, measured["cost_usd"]["median"]))]


def _targets(report: dict[str, Any]) -> list[str]:
    rows = [
        [each["name"], each["wanted"], f"{each['got']:g}", "met" if each["met"] else "missed"]
        for each in report["targets"]
    ]
    return ["## Targets", "", *_table(["figure", "wanted", "measured", ""], rows)]


def _lengths(each: dict[str, Any]) -> tuple[float, float]:
    """Seconds of an outage, and how many of them are not the clusterware's; for a frozen backup those of its pause."""
    whole = each["outage_seconds"] if figures.OVERHEAD in each else each["pause_seconds"]
    return whole["median"], each.get(figures.OVERHEAD, whole)["median"]


def _side_by_side(report: dict[str, Any]) -> list[str]:
    lanes = report.get("lanes", 1)
    if lanes == 1:
        return []
    return [
        f"{lanes} runs went side by side, each in a lab of its own, but for those of functions and of many clusters.",
        f"The machine was at most {100 * report['busiest']:.0f} % busy in a run. Lab time stands still while a lab",
        "waits for a processor, so that no figure counts such a wait.",
        "",
    ]


def _incomplete(report: dict[str, Any]) -> list[str]:
    made, planned = (report.get("runs", {}).get(key, 0) for key in ("made", "planned"))
    if made == planned:
        return []
    return [f"**The run was stopped early: {made} of its {planned} measurements were made.**", ""]


def drawing(report: dict[str, Any]) -> str:
    """The outage of a backup by each approach, at both paces: the clusterware's own part, and what comes on top."""
    bars = [
        (f"{NAMES[name]}, commands of {pace} s", *_lengths(each))
        for pace in ("0.1", "0.7")
        for name, by_pace in report.get("approaches", {}).items()
        if (each := by_pace.get(pace))
    ]
    widest = max((whole for _, whole, _ in bars), default=1.0)
    scale, height = 460 / widest, ROW * len(bars) + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + 460 + RIGHT}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="8" y="20">Outage of a backup: the clusterware’s own part (grey), and what comes on top; '
        "of a frozen backup: how long writes wait</text>",
    ]
    for index, (name, whole, over) in enumerate(bars):
        y, own = 40 + index * ROW, (whole - over) * scale
        colour = "#2a7d4f" if name.startswith(NAMES[figures.OURS]) else "#b8532f"
        lines += [
            f'<text x="8" y="{y + 12}">{escape(name[:58])}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{own:.1f}" height="{BAR}" fill="#9a9a9a"/>',
            f'<rect x="{LEFT + own:.1f}" y="{y}" width="{over * scale:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{LEFT + whole * scale + 6:.1f}" y="{y + 13}">{whole:.1f} s</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


HEAD = """# Performance

Made from a run of `make bench` on {date}, on {machine}, with nothing else running; `make bench-page` writes this
page anew from the last report. Everything ran in the lab at life's pace, with the lab's own timing of a small cluster
(a boot takes 2 s, Run Command delivers after 1 s): the figures compare ways, they are no promise for yours. Where a
spread is given there were several runs, and the figure is their median.
"""
BACKUPS = """## Backups

![outage of a backup](performance.svg)
"""
BELOW = """The clusterware's own part is what its state-changing commands take; every backup by the vendor's procedure
needs it. Cost is that of state transitions and functions at list prices of us-east-1 (tests/bench/bill.py); snapshots
cost the same whoever makes them. An operator's time is not counted.
"""


GROWTH = f"""The lab's time is slowed down until this machine keeps up, and all that waits in it with it. A run in which
the machine or the lab's own process is more than {100 * figures.BUSY:.0f} % busy means nothing.
"""
SPENT = """In an outage: `monitors` are suspended (the baton), `reads` are clpstat and clpmdstat, `between` is when none
of CLUSTERPRO's commands ran. Elsewhere the names are those of the phases ([architecture.md](architecture.md)).
"""
ON_PAPER = f"""No machine here holds a volume of 16 TiB. These figures are computed (tests/bench/paper.py) from what was
measured and from AWS's list prices of us-east-1. AWS publishes no rate at which a snapshot completes:
{paper.SNAPSHOT_MIB_PER_SECOND} MiB/s are assumed. A backup's outage, and the time until the cluster has its redundancy
back, do not wait for the snapshot.
"""
RESTORE_ON_PAPER = """A restore makes two volumes from one snapshot, in two zones. Its outage does not grow with the
volume; what grows is the wait before the outage, or the time in which the new volumes read each block from S3 at its
first use. Fast restore's wait is that of its optimization and of one credit, as AWS publishes them.
"""
FLEET_ON_PAPER = """Many clusters that are due at the same moment share the account's limits in a Region. Each row has
the limit that takes longest, by the calls that one cluster of the largest run has made; AWS publishes none for Systems
Manager's calls. A flexible window of a schedule spreads them.
"""


def text(report: dict[str, Any]) -> str:
    lines = [
        HEAD.format(**report),
        *_side_by_side(report),
        *_incomplete(report),
        BACKUPS,
        *_approaches(report),
        BELOW,
        *_spent(report),
        *_others(report),
        *_growth(report),
        *_on_paper(report),
    ]
    lines += _targets(report)
    return "\n".join(lines).rstrip() + "\n"


def write(report: dict[str, Any], docs: Path = DOCS) -> None:
    (docs / "performance.md").write_text(text(report), encoding="utf-8")
    (docs / "performance.svg").write_text(drawing(report), encoding="utf-8")
