"""Draw the state machines: docs/statemachines/<machine>.svg, phases as bands, errors as numbered dots.

    draw_statemachines.py            writes the drawings
    draw_statemachines.py --check    names those that are not current, and ends with 1 if there is one

machine_graph.py says what is in a drawing, this file where it stands.
"""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass
from html import escape
from pathlib import Path

import build_statemachines
import machine_graph
from machine_graph import Graph, State

ROOT = Path(__file__).resolve().parent.parent
DRAWINGS = ROOT / "docs" / "statemachines"

COLUMNS, BOX, HEIGHT, ACROSS, MARGIN = 6, 140, 46, 24, 16
PITCH = BOX + ACROSS
WIDTH = 2 * MARGIN + COLUMNS * PITCH - ACROSS
LABEL = 26  # from a band's top to its boxes
GAP = 20  # between two lines of bands
LINE = 10  # of a remark below a box
WRAP = 23  # characters of a state's name in a box
REMARK = 27  # characters of a remark
MANY = 8  # ways on; more are named by their bands
ENTRY = 36  # from a box's right side to where an arrow comes in from above, between the band's name and the dots

STYLE = """
    .page { fill: #ffffff } .band { fill: #f4f6f8; stroke: #d5dbe1 }
    .frame { fill: none; stroke: #868e96; stroke-dasharray: 5 3 }
    .function { fill: #dbe9fb; stroke: #3b7dd8 } .lock { fill: #fdf0d2; stroke: #d9902f }
    .document { fill: #d5f0ee; stroke: #1f8a84 }
    .child { fill: #e6dcf7; stroke: #7048b8 } .call { fill: #fde2d6; stroke: #d9623b }
    .choice, .pass, .wait, .parallel, .map { fill: #ffffff; stroke: #868e96 } .wait { stroke-dasharray: 3 2 }
    .succeed { fill: #d3f2e0; stroke: #2f9e63 } .fail { fill: #fbdada; stroke: #c92a2a }
    .dot { fill: #c92a2a } .number { fill: #ffffff; font-size: 9px; font-weight: bold }
    .title { fill: #212529; font-size: 15px; font-weight: bold } .phase { fill: #212529; font-weight: bold }
    .name { fill: #212529 } .does, .exit { fill: #495057; font-size: 9px } .error { fill: #c92a2a; font-size: 9px }
    .arrow { fill: none; stroke: #495057 }
"""


@dataclass
class Place:
    """Where a box stands. `top`: of its band."""

    x: float
    y: float
    top: float

    @property
    def right(self) -> float:
        return self.x + BOX


class Drawing:
    """One state machine as SVG."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parts: list[str] = []
        self.places: dict[str, Place] = {}
        self.y = 0.0

    def svg(self) -> str:
        self._text("title", MARGIN - 4, 24, f"mirrorsnap-{self.graph.title}")
        comment = textwrap.wrap(self.graph.comment, 180)
        for number, line in enumerate(comment):
            self._text("does", MARGIN - 4, 40 + 12 * number, line)
        self.y = 44.0 + 12 * len(comment)
        for line in self._lines():
            self._line(line)
        for state in machine_graph.every(self.graph):
            self._arrows(state)
        self._legend()
        label = f"State machine {self.graph.title}: {', '.join(self.graph.bands)}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.y:.0f}" font-size="11" role="img" '
            f'font-family="Helvetica, Arial, DejaVu Sans, sans-serif" aria-label="{escape(label)}">'
        )
        tip = (
            '<defs><marker id="tip" markerWidth="7" markerHeight="6" refX="6" refY="3" orient="auto">'
            '<path d="M0,0 L7,3 L0,6 z" fill="#495057"/></marker></defs>'
        )
        page = f'<rect class="page" width="{WIDTH}" height="{self.y:.0f}"/>'
        return "\n".join([head, f"<style>{STYLE}</style>", tip, page, *self.parts, "</svg>"]) + "\n"

    def _text(self, css: str, x: float, y: float, text: str, anchor: str = "start") -> None:
        place = f'x="{x:.1f}" y="{y:.1f}"'
        self.parts.append(f'<text class="{css}" {place} text-anchor="{anchor}">{escape(text)}</text>')

    # ── bands and boxes ───────────────────────────────────────────────────────────────────────────────────────────

    def _lines(self) -> list[list[tuple[str, list[State]]]]:
        """The bands from left to right, as many in a line as fit. One with a frame has a line of its own."""
        lines: list[list[tuple[str, list[State]]]] = []
        room = 0
        for band, states in self.graph.bands.items():
            wide = COLUMNS if any(state.branches for state in states) else min(len(states), COLUMNS)
            if wide > room:
                lines.append([])
                room = COLUMNS
            lines[-1].append((band, states))
            room -= wide
        return lines

    def _line(self, bands: list[tuple[str, list[State]]]) -> None:
        top, at, left = self.y, len(self.parts), float(MARGIN)
        rects, bottom = [], top
        for name, states in bands:
            self.y = top + LABEL
            self._rows(states, left, top)
            bottom = max(bottom, self.y)
            wide = COLUMNS if any(state.branches for state in states) else min(len(states), COLUMNS)
            rects.append((left - 8, wide * PITCH - ACROSS + 16))
            self._text("phase", left - 2, top + 16, name)
            left += wide * PITCH
        for x, width in rects:
            rect = f'<rect class="band" x="{x:.1f}" y="{top:.1f}" width="{width}" height="{bottom - top:.1f}" rx="5"/>'
            self.parts.insert(at, rect)
        self.y = bottom + GAP

    def _rows(self, states: list[State], left: float, top: float) -> None:
        row: list[State] = []
        for state in states:
            if state.branches:
                self._row(row, left, top)
                self._frame(state, left, top)
                row = []
            else:
                row.append(state)
            if len(row) == COLUMNS:
                self._row(row, left, top)
                row = []
        self._row(row, left, top)

    def _row(self, states: list[State], left: float, top: float) -> None:
        for column, state in enumerate(states):
            self.places[state.name] = Place(left + column * PITCH, self.y, top)
            self._box(state)
        if states:
            self.y += HEIGHT + 14 + LINE * max(len(self._exits(state)) for state in states)

    def _frame(self, state: State, left: float, top: float) -> None:
        """A Parallel or Map: its own box, and beside it a frame with its branches, a row each."""
        begin = self.y
        self.places[state.name] = Place(left, begin, top)
        self._box(state)
        width = COLUMNS - 1
        for branch in state.branches:
            for first in range(0, len(branch), width):
                self._row(branch[first : first + width], left + PITCH, top)
        place = f'x="{left + PITCH - 8:.1f}" y="{begin - 6:.1f}" width="{width * PITCH - ACROSS + 14}"'
        self.parts.append(f'<rect class="frame" {place} height="{self.y - begin:.1f}" rx="5"/>')
        self.y = max(self.y, begin + HEIGHT + 14 + LINE * len(self._exits(state))) + 14

    def _box(self, state: State) -> None:
        place = self.places[state.name]
        hint = f"<title>{escape(f'{state.name}. {state.comment}'.strip())}</title>"
        if state.kind == "choice":
            cut, low, middle = 9, place.y + HEIGHT, place.y + HEIGHT / 2
            self.parts.append(
                f'<path class="choice" d="M{place.x:.1f},{middle:.1f} L{place.x + cut:.1f},{place.y:.1f} '
                f"H{place.right - cut:.1f} L{place.right:.1f},{middle:.1f} L{place.right - cut:.1f},{low:.1f} "
                f'H{place.x + cut:.1f} z">{hint}</path>'
            )
        else:
            radius = HEIGHT / 2 if state.kind in ("succeed", "fail") else 4
            self.parts.append(
                f'<rect class="{state.look}" x="{place.x:.1f}" y="{place.y:.1f}" width="{BOX}" height="{HEIGHT}" '
                f'rx="{radius:.0f}">{hint}</rect>'
            )
        names = textwrap.wrap(state.short, WRAP)
        y = place.y + HEIGHT / 2 - 6.2 * (len(names) - 1 + bool(state.does)) + 4
        for number, line in enumerate(names):
            self._text("name", place.x + BOX / 2, y + 12.4 * number, line, "middle")
        if state.does:
            does = " or ".join(state.documents) if state.look == "document" else state.does
            self._text("does", place.x + BOX / 2, y + 12.4 * len(names), does, "middle")
        numbers = [self.graph.folded[each] for each in state.errors if each in self.graph.folded]
        for place_from_right, number in enumerate(numbers):
            self._dot(place.right - 8 - 15 * place_from_right, place.y, number)
        if state.name in self.graph.folded:
            self._dot(place.x + 8, place.y + HEIGHT, self.graph.folded[state.name])
        indent = 20 if state.name in self.graph.folded else 4
        for number, (css, text) in enumerate(self._exits(state)):
            self._text(css, place.x + indent, place.y + HEIGHT + 11 + LINE * number, text)

    def _dot(self, x: float, y: float, number: str) -> None:
        self.parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="7"/>')
        self._text("number", x, y + 3.2, number, "middle")

    # ── ways on ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _drawn(self, state: State, target: str) -> bool:
        """Whether an arrow shows this way on: to the next box, or to the next band's first one. Others are named."""
        for owner in self.graph.states.values():
            for branch in owner.branches:
                names = [each.name for each in branch]
                if state.name in names:
                    return names.index(target) == names.index(state.name) + 1
        bands = [[each.name for each in states] for states in self.graph.bands.values()]
        at = next(number for number, names in enumerate(bands) if state.name in names)
        own = bands[at]
        if target in own:
            return own.index(target) == own.index(state.name) + 1
        rest = [self.graph.states[name] for name in own[own.index(state.name) :]]
        last_row = len(rest) <= COLUMNS and not any(each.branches for each in rest[1:])
        return last_row and at + 1 < len(bands) and target == bands[at + 1][0]

    def _exits(self, state: State) -> list[tuple[str, str]]:
        """What stands below a box: (class, text)."""

        def name(target: str) -> str:
            other = self.graph.states.get(target)
            short = other is not None and other.band == state.band
            return cut(other.short if other and short else target if other else target.partition(": ")[2] or target)

        def cut(text: str) -> str:
            return text if len(text) <= REMARK else text[: REMARK - 1] + "…"

        others = [each for each in state.following if not self._drawn(state, each)]
        if len(others) > MANY:
            bands = [self.graph.states[each].band or each for each in others]
            counts = {band: bands.count(band) for band in bands}
            ways = [("exit", f"→ {cut(band)}" + (f": {n} states" if n > 1 else "")) for band, n in counts.items()]
        else:
            ways = [("exit", f"→ {name(each)}") for each in others]
        return ways + [("error", f"✗ {name(each)}") for each in state.errors if each not in self.graph.folded]

    def _arrows(self, state: State) -> None:
        place = self.places[state.name]
        for target in state.following:
            if not self._drawn(state, target):
                continue
            to, middle = self.places[target], place.y + HEIGHT / 2
            if to.y == place.y and to.x == place.x + PITCH:
                path = f"M{place.right:.1f},{middle:.1f} H{to.x:.1f}"
            elif to.y == place.y:
                path = f"M{place.right - 14:.1f},{place.y:.1f} V{place.y - 7:.1f} H{to.right - ENTRY:.1f} V{to.y:.1f}"
            else:
                above = to.top - GAP / 2 if to.top != place.top else to.y - 10
                gutter = place.right + 5
                path = f"M{place.right:.1f},{middle:.1f} H{gutter:.1f} V{above:.1f} H{to.right - ENTRY:.1f} V{to.y:.1f}"
            self.parts.append(f'<path class="arrow" d="{path}" marker-end="url(#tip)"/>')

    def _legend(self) -> None:
        kinds = [
            *(
                ("function", "Lambda function"),
                ("document", "command document on a node"),
                ("lock", "DynamoDB: lock, intent, record"),
            ),
            *(("child", "another state machine"), ("call", "another AWS call")),
            *(("choice", "choice"), ("wait", "wait"), ("succeed", "end"), ("fail", "end with an error")),
        ]
        x = MARGIN - 4.0
        for kind, text in kinds:
            self.parts.append(f'<rect class="{kind}" x="{x:.1f}" y="{self.y:.1f}" width="14" height="10"/>')
            self._text("does", x + 19, self.y + 8.5, text)
            x += 34 + 4.5 * len(text)
        self.y += 24
        self._text("does", MARGIN - 4, self.y + 2, "Below a box: → where else it leads, ✗ where an error leads.")
        for target, number in self.graph.folded.items():
            self.y += 17
            self._dot(MARGIN + 3, self.y, number)
            self._text("does", MARGIN + 15, self.y + 3.5, f"on a box: an error leads to “{target}”")
        self.y += 16


def drawings() -> dict[Path, str]:
    graphs = {name: machine_graph.read(name, machine) for name, machine in build_statemachines.machines().items()}
    return {DRAWINGS / f"{name}.svg": Drawing(graph).svg() for name, graph in graphs.items()}


def main(argv: list[str]) -> int:
    if argv not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    wanted = drawings()
    there = {path: path.read_text(encoding="utf-8") for path in DRAWINGS.glob("*.svg")}
    if argv:
        stale = sorted(path.name for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path))
        if stale:
            print(f"docs/statemachines: not current: {', '.join(stale)}; run `make drawings`", file=sys.stderr)
        return 1 if stale else 0
    DRAWINGS.mkdir(exist_ok=True)
    for path in there.keys() - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
