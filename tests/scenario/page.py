"""report.html: figures and drawings on one self-contained page that reads well in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfbf9; --ink: #1d2126; --soft: #646b73; --line: #d9dcdf; --card: #ffffff;
  --up: #cfe3d4; --booting: #e4e2c4; --down: #e6e2da; --off: #b8bcc2; --online: #3f8f5b; --change: #c99a2e;
  --bad: #c2463c;
  --green: #58a86f; --red: #cf5a50; --yellow: #e0b93a; --gray: #a3a9b0; --snap: #6f7fb8; --step: #dde3f0;
  --step2: #c9d3e8;
  --command: #4d6fb3; --original: #7a6a9e; --restored: #2f8f8a;
  --outage: #c2463c; --degraded: #d08a1d; --onfill: #ffffff; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181c; --ink: #e4e7ea; --soft: #99a1aa; --line: #30363d; --card: #1c2025;
  --up: #24402f; --booting: #46431f; --down: #3b3830; --off: #4a5058; --online: #3c8656; --change: #a57d21;
  --bad: #b8473e;
  --green: #3f8c57; --red: #a9453d; --yellow: #a88a22; --gray: #616973; --snap: #5a69a3; --step: #2b3548;
  --step2: #35425a;
  --command: #5577bb; --original: #6d5f92; --restored: #2a7d79;
  --outage: #e0675d; --degraded: #d99a3a; --onfill: #ffffff; } }
body { margin: 0 auto; max-width: 1200px; padding: 28px 20px 60px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 25px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 46px 0 6px; padding-top: 18px;
  border-top: 2px solid var(--line); } h3 { font-size: 16px; margin: 26px 0 4px; } p { margin: 4px 0 10px; }
.soft { color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px;
  margin: 20px 0 8px; }
.figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.figure b { display: block; font-size: 23px; font-weight: 600; font-variant-numeric: tabular-nums; }
.figure span { color: var(--soft); font-size: 13px; }
.drawing { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 8px 4px;
  overflow-x: auto; }
.drawing svg { display: block; width: 100%; min-width: 860px; height: auto; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: 6px 14px 6px 0;
  vertical-align: top;
  border-bottom: 1px solid var(--line); font-weight: normal; } th { color: var(--soft); }
.ok { color: var(--online); font-weight: 600; } .no { color: var(--bad); font-weight: 600; } code { font-size: 13px; }
svg text { font: 12px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--ink); }
svg .lane, svg .axis { fill: var(--soft); } svg .axis { font-size: 11px; }
svg .tick { stroke: var(--line); stroke-width: 1; }
svg .band.outage { fill: var(--outage); opacity: .16; } svg .band.pause { fill: var(--bar); opacity: .2; }
svg .band.degraded { fill: var(--degraded); opacity: .11; }
svg .caption { font-weight: 600; } svg .caption.outage { fill: var(--outage); }
  svg .caption.degraded { fill: var(--degraded); }
svg rect.node.up { fill: var(--up); } svg rect.node.booting { fill: var(--booting); }
svg rect.node.shutting-down, svg rect.node.rebooting { fill: var(--down); } svg rect.node.off { fill: var(--off); }
svg rect.group.online { fill: var(--online); } svg rect.group.offline { fill: var(--off); }
  svg rect.group.error { fill: var(--bad); }
svg text.label.group.offline { fill: var(--ink); }
svg rect.group.starting, svg rect.group.stopping { fill: var(--change); }
svg rect.mirror.green { fill: var(--green); } svg rect.mirror.red { fill: var(--red); }
svg rect.mirror.yellow { fill: var(--yellow); } svg rect.mirror.gray { fill: var(--gray); }
svg rect.snapshot { fill: var(--snap); } svg rect.command { fill: var(--command); }
svg rect.step { fill: var(--step); stroke: var(--card); stroke-width: 1; }
  svg rect.step:nth-of-type(even) { fill: var(--step2); }
svg rect.volume { fill: var(--off); } svg rect.volume.original { fill: var(--original); }
svg rect.volume.restored { fill: var(--restored); }
svg rect.volume.attaching, svg rect.volume.detaching, svg rect.volume.busy { fill: var(--change); }
svg rect.time.clusterware, .bar i.clusterware { fill: var(--command); background: var(--command); }
svg rect.time.shutdown, .bar i.shutdown { fill: var(--gray); background: var(--gray); }
svg rect.time.swap, .bar i.swap { fill: var(--change); background: var(--change); }
svg rect.time.boot, .bar i.boot { fill: var(--snap); background: var(--snap); }
svg rect.time.mirrorsnap, .bar i.mirrorsnap { fill: var(--bad); background: var(--bad); }
.bars { margin: 10px 0 6px; } .bars td { padding: 4px 14px 4px 0; } .bars .number { text-align: right; width: 70px;
  font-variant-numeric: tabular-nums; }
.bars .name { width: 100px; } .bar { width: 34%; }
  .bar i { display: block; height: 12px; border-radius: 3px; min-width: 1px;
  margin-top: 5px; }
svg text.label.volume, svg text.label.time { fill: var(--onfill); }
svg text.label.group, svg text.label.mirror, svg text.label.snapshot, svg text.label.command { fill: var(--onfill); }
"""


@dataclass(frozen=True)
class Bar:
    """A part of a whole: its name (also the style's class), what it is, seconds, and its share from 0 to 1."""

    name: str
    words: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Section:
    """One operation on the page: its figures as (value, name), the parts of its recovery time, its drawings as (title,
    words, SVG), its proof."""

    title: str
    words: str
    figures: list[tuple[str, str]]
    bars: list[Bar]
    drawings: list[tuple[str, str, str]]
    proof: list[tuple[bool, str]]


def page(title: str, words: str, sections: list[Section]) -> str:
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n<p class=soft>{escape(words)}</p>\n"
        + _contents(sections)
        + "\n".join(_section(each, number) for number, each in enumerate(sections, 1))
        + "\n</body>\n</html>\n"
    )


def _contents(sections: list[Section]) -> str:
    """One line a section, with its first figures; only where there are several."""
    if len(sections) < 2:
        return ""
    lines = "".join(
        f"<tr><td>{number}</td><td>{escape(each.title)}</td>"
        f"<td>{escape(', '.join(f'{name} {value}' for value, name in each.figures[:2]))}</td>"
        f"<td>{_proved(each)}</td></tr>"
        for number, each in enumerate(sections, 1)
    )
    return f"<table>{lines}</table>\n"


def _proved(section: Section) -> str:
    held = sum(1 for each, _ in section.proof if each)
    good = held == len(section.proof)
    words = (
        f"all {held} claims proved" if good else f"{len(section.proof) - held} of {len(section.proof)} claims NOT TRUE"
    )
    return f'<span class="{"ok" if good else "no"}">{words}</span>'


def _section(section: Section, number: int) -> str:
    figures = "".join(f"<div class=figure><b>{escape(v)}</b><span>{escape(n)}</span></div>" for v, n in section.figures)
    drawings = "".join(
        f"<h3>{escape(title)}</h3>\n<p class=soft>{escape(words)}</p>\n<div class=drawing>{svg}</div>\n"
        for title, words, svg in section.drawings
    )
    proof = "".join(
        f'<tr><td class="{"ok" if held else "no"}">{"proved" if held else "NOT TRUE"}</td><td>{escape(text)}</td></tr>'
        for held, text in section.proof
    )
    return (
        f"<h2>{number}. {escape(section.title)}</h2>\n<p>{escape(section.words)}</p>\n"
        f"<div class=figures>{figures}</div>\n{_bars(section.bars)}{drawings}"
        f"<h3>Proof, from the lab's own bytes</h3>\n<table>{proof}</table>\n"
    )


def _bars(bars: list[Bar]) -> str:
    if not bars:
        return ""
    rows = "".join(
        f"<tr><td class=name>{escape(b.name)}</td><td class=number>{b.seconds:.1f} s</td>"
        f'<td class=bar><i class="{escape(b.name)}" style="width: {100 * b.share:.1f}%"></i></td>'
        f"<td class=soft>{escape(b.words)}</td></tr>"
        for b in bars
    )
    words = (
        "From the stop of the groups to all of them online again. Each part counts every second in which it went on at "
        "either node, so parts may overlap."
    )
    return f"<h3>What the recovery time went into</h3>\n<p class=soft>{words}</p>\n<table class=bars>{rows}</table>\n"
