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
  --command: #4d6fb3; --outage: #c2463c; --degraded: #d08a1d; --onfill: #ffffff; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181c; --ink: #e4e7ea; --soft: #99a1aa; --line: #30363d; --card: #1c2025;
  --up: #24402f; --booting: #46431f; --down: #3b3830; --off: #4a5058; --online: #3c8656; --change: #a57d21;
  --bad: #b8473e;
  --green: #3f8c57; --red: #a9453d; --yellow: #a88a22; --gray: #616973; --snap: #5a69a3; --step: #2b3548;
  --step2: #35425a;
  --command: #5577bb; --outage: #e0675d; --degraded: #d99a3a; --onfill: #ffffff; } }
body { margin: 0 auto; max-width: 1200px; padding: 28px 20px 60px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 25px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 38px 0 6px; } p { margin: 4px 0 10px; }
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
svg .band.outage { fill: var(--outage); opacity: .16; } svg .band.degraded { fill: var(--degraded); opacity: .11; }
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
svg text.label.group, svg text.label.mirror, svg text.label.snapshot, svg text.label.command { fill: var(--onfill); }
"""


@dataclass(frozen=True)
class Section:
    """One operation on the page: its figures as (value, name), its drawings as (title, words, SVG), its proof."""

    title: str
    words: str
    figures: list[tuple[str, str]]
    drawings: list[tuple[str, str, str]]
    proof: list[tuple[bool, str]]


def page(title: str, words: str, sections: list[Section]) -> str:
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n<p class=soft>{escape(words)}</p>\n"
        + "\n".join(_section(each) for each in sections)
        + "\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    figures = "".join(f"<div class=figure><b>{escape(v)}</b><span>{escape(n)}</span></div>" for v, n in section.figures)
    drawings = "".join(
        f"<h2>{escape(title)}</h2>\n<p class=soft>{escape(words)}</p>\n<div class=drawing>{svg}</div>\n"
        for title, words, svg in section.drawings
    )
    proof = "".join(
        f'<tr><td class="{"ok" if held else "no"}">{"proved" if held else "NOT TRUE"}</td><td>{escape(text)}</td></tr>'
        for held, text in section.proof
    )
    return (
        f"<h2>{escape(section.title)}</h2>\n<p>{escape(section.words)}</p>\n"
        f"<div class=figures>{figures}</div>\n{drawings}"
        f"<h2>Proof, from the lab's own bytes</h2>\n<table>{proof}</table>\n"
    )
