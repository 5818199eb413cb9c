"""What a terminal shows of what a command printed, and that as a picture: text in SVG, a few kilobytes.

It knows what indicatif and the command line print: new lines, the cursor up, a line erased, bold and red. Anything else
is an error, so that no picture is silently wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")
WIDTH, HEIGHT, MARGIN = 7.8, 17, 12  # of a character and a line, around all
PLAIN, LOUD = "#d6d9dc", "#ff6b63"
IGNORED = {"?25l", "?25h"}  # the cursor hidden and shown


class Unknown(ValueError):
    """An escape that this terminal does not know."""


@dataclass
class Screen:
    """`rows` are lists of (character, whether it is loud)."""

    columns: int = 120  # a line that is longer goes on in the next row, which is what indicatif counts on
    rows: list[list[tuple[str, bool]]] = field(default_factory=lambda: [[]])
    row: int = 0
    column: int = 0
    loud: bool = False

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            found = TOKEN.match(text, at)
            if not found:
                raise Unknown(repr(text[at : at + 8]))
            at = found.end()
            arguments, command, control, plain = found.groups()
            if command:
                self._escape(arguments, command)
            elif control == "\r":
                self.column = 0
            elif control:
                self._down()
            else:
                self._write(plain)

    def _down(self) -> None:
        self.row, self.column = self.row + 1, 0
        if self.row == len(self.rows):
            self.rows.append([])

    def _write(self, text: str) -> None:
        for character in text:
            if self.column == self.columns:
                self._down()
            row = self.rows[self.row]
            row.extend([(" ", False)] * (self.column + 1 - len(row)))
            row[self.column] = (character, self.loud)
            self.column += 1

    def _escape(self, arguments: str, command: str) -> None:
        number = int(arguments) if arguments.isdigit() else 0
        row = self.rows[self.row]
        match command:
            case "A":
                self.row = max(0, self.row - (number or 1))
            case "B":
                self.row = min(len(self.rows) - 1, self.row + (number or 1))
            case "K" if number == 2:
                row.clear()
            case "K" if number == 0:
                del row[self.column :]
            case "J" if number == 0:
                del row[self.column :]
                del self.rows[self.row + 1 :]
            case "m":
                self.loud = any(each in ("1", "31") for each in arguments.split(";"))
            case "h" | "l" if arguments + command in IGNORED:
                pass
            case _:
                raise Unknown(f"ESC[{arguments}{command}")

    def lines(self) -> list[str]:
        """Without what is empty at the end."""
        lines = ["".join(character for character, _ in row).rstrip() for row in self.rows]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def svg(self, title: str) -> str:
        lines = self.lines()
        width = round(max(map(len, lines), default=0) * WIDTH + 2 * MARGIN)
        height = len(lines) * HEIGHT + 2 * MARGIN
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" rx="6" fill="#1c2126"/>',
            f'<g font-family="monospace" font-size="13" fill="{PLAIN}" xml:space="preserve">',
        ]
        for number, (row, line) in enumerate(zip(self.rows, lines, strict=False)):
            if line:
                loud = f' fill="{LOUD}" font-weight="bold"' if any(loud for _, loud in row) else ""
                y = MARGIN + HEIGHT * number + 13
                # As long as its characters are wide, whatever font there is.
                length = f' textLength="{round(len(line) * WIDTH)}" lengthAdjust="spacingAndGlyphs"'
                out.append(f'<text x="{MARGIN}" y="{y}"{length}{loud}>{escape(line)}</text>')
        return "\n".join([*out, "</g>", "</svg>"]) + "\n"
