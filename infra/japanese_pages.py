"""The Japanese pages beside the English ones, each with the hash of the English page that it was written from.

japanese_pages.py            say which Japanese page is older than its English one
japanese_pages.py --accept   note that the Japanese pages say what the English ones say now, after they were changed
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Japanese page -> English page.
PAGES = {ROOT / f"{name}.ja.md": ROOT / f"{name}.md" for name in ("README", "docs/operations", "docs/on-the-node")}
NOTE = re.compile(r"\n*<!-- Written from (\S+) sha256:([0-9a-f]{64}) -->\n\Z")


def digest(english: Path) -> str:
    return hashlib.sha256(english.read_bytes()).hexdigest()


def stale() -> list[str]:
    """The Japanese pages that were not written from their English pages as these are now."""
    out = []
    for japanese, english in PAGES.items():
        found = NOTE.search(japanese.read_text(encoding="utf-8"))
        if found is None or (found[1], found[2]) != (english.name, digest(english)):
            out.append(str(japanese.relative_to(ROOT)))
    return out


def accept() -> None:
    for japanese, english in PAGES.items():
        text = NOTE.sub("", japanese.read_text(encoding="utf-8")).rstrip("\n")
        note = f"<!-- Written from {english.name} sha256:{digest(english)} -->"
        japanese.write_text(f"{text}\n\n{note}\n", encoding="utf-8")


def main(argv: list[str]) -> int:
    if argv == ["--accept"]:
        accept()
    elif argv:
        print(__doc__, file=sys.stderr)
        return 2
    found = stale()
    for each in found:
        print(
            f"{each}: its English page has changed. Write the change there too, then `make japanese`", file=sys.stderr
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
