"""Lanes as a drawing: one self-contained SVG with bands for what matters. Colours come from the page's style sheet."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from html import escape

from .lanes import Lane, Segment
from .timeline import Window

WIDTH, LEFT, RIGHT = 1160, 148, 18
ROW, GAP, TOP, BOTTOM = 24, 10, 44, 30
CHARACTER = 6.6  # pixels that one character of a label takes


@dataclass(frozen=True)
class Band:
    """A window across all lanes, with a caption above it."""

    window: Window
    kind: str  # outage | pause | degraded: the style's class
    caption: str


def _step(seconds: float) -> float:
    """A round distance between two ticks, so that there are about ten."""
    raw = seconds / 10
    magnitude = 10 ** math.floor(math.log10(raw)) if raw > 0 else 1
    return next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw)


class Drawing:
    def __init__(self, title: str, window: Window, zero: float) -> None:
        self.title, self.window, self.zero = title, window, zero
        self.scale = (WIDTH - LEFT - RIGHT) / max(window.seconds, 1e-6)
        self.parts: list[str] = []

    def x(self, t: float) -> float:
        return LEFT + (min(max(t, self.window.start), self.window.end) - self.window.start) * self.scale

    def rect(
        self, start: float, end: float, y: float, height: float, css: str, hint: str = "", radius: int = 3
    ) -> None:
        left, right = self.x(start), self.x(end)
        tip = f"<title>{escape(hint)}</title>" if hint else ""
        self.parts.append(
            f'<rect class="{css}" x="{left:.1f}" y="{y:.1f}" width="{max(right - left, 1.5):.1f}" '
            f'height="{height:.1f}" rx="{radius}">{tip}</rect>'
        )

    def text(self, x: float, y: float, text: str, css: str, anchor: str = "start") -> None:
        self.parts.append(f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')

    # --- parts ---

    def ticks(self, height: float) -> None:
        distance = _step(self.window.seconds)
        decimals = max(0, -math.floor(math.log10(distance)))
        first = math.ceil((self.window.start - self.zero) / distance)
        last = math.floor((self.window.end - self.zero) / distance)
        for number in range(first, last + 1):
            t = self.zero + number * distance
            x = self.x(t)
            self.parts.append(
                f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - BOTTOM + 5:.1f}"/>'
            )
            self.text(x, height - BOTTOM + 19, f"{number * distance:.{decimals}f} s", "axis", "middle")

    def bands(self, bands: list[Band], height: float) -> None:
        for level, band in enumerate(bands):
            self.rect(
                band.window.start,
                band.window.end,
                TOP - 4,
                height - TOP - BOTTOM + 8,
                f"band {band.kind}",
                band.caption,
                0,
            )
            middle = (self.x(band.window.start) + self.x(band.window.end)) / 2
            half = len(band.caption) * CHARACTER / 2
            middle = min(max(middle, LEFT + half), WIDTH - RIGHT - half)
            self.text(middle, 15 + 15 * level, band.caption, f"caption {band.kind}", "middle")

    def lane(self, lane: Lane, y: float) -> None:
        self.text(LEFT - 12, y + ROW / 2 + 4, lane.name, "lane", "end")
        for segment in lane.segments:
            self.segment(lane, segment, y)

    def segment(self, lane: Lane, segment: Segment, y: float) -> None:
        state = segment.state.lower().replace(" ", "-")
        label = _label(lane, segment)
        hint = f"{lane.name}: {label}, {segment.end - segment.start:.2f} s from {segment.start - self.zero:.2f} s"
        self.rect(segment.start, segment.end, y, ROW, f"{lane.kind} {state}", hint)
        room = self.x(segment.end) - self.x(segment.start) - 8
        short = " ".join(segment.text.split()[:2]) if lane.kind == "command" else segment.state
        for text in (label, short if lane.kind != "step" else ""):
            if text and len(text) * CHARACTER <= room:
                self.text(self.x(segment.start) + 5, y + ROW / 2 + 4, text, f"label {lane.kind} {state}")
                return


def _label(lane: Lane, segment: Segment) -> str:
    if lane.kind == "group" and segment.text:
        return f"{segment.state} on {segment.text}"
    if lane.kind in ("step", "command", "volume"):
        return segment.text
    if lane.kind == "snapshot":
        return f"{segment.text} {segment.state}"
    return segment.state


def draw(title: str, lanes: list[Lane], window: Window, zero: float, bands: list[Band]) -> str:
    """The SVG. `zero` is the time that the axis calls 0 s."""
    gaps = sum(1 for a, b in itertools.pairwise(lanes) if a.kind != b.kind)
    height = TOP + len(lanes) * (ROW + 4) + gaps * GAP + BOTTOM
    drawing = Drawing(title, window, zero)
    drawing.bands(bands, height)
    drawing.ticks(height)
    y, previous = float(TOP), lanes[0].kind if lanes else ""
    for lane in lanes:
        y += GAP if lane.kind != previous else 0
        drawing.lane(lane, y)
        y, previous = y + ROW + 4, lane.kind
    body = "\n".join(drawing.parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>'
    )
