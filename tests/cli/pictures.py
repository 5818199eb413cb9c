"""The README's two pictures, from a real terminal and a lab at life's pace: `make pictures` (docs/screens/*.svg).

The figures of a picture are the lab's, whose volumes are small; the words and their order are the product's.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "cli")]

from command_line import BINARY, user  # noqa: E402
from screen import Screen  # noqa: E402
from terminal import COLUMNS, Terminal  # noqa: E402

from lab.client import Lab  # noqa: E402
from lab.nodes.clusterpro.spec import parse  # noqa: E402
from scenario.product import Product, wait_until_up  # noqa: E402

SCREENS = ROOT / "docs" / "screens"
RAW = ROOT / "target" / "pictures"  # what the terminal got, for whoever looks for a fault of a picture


def drawn(name: str, title: str, command: str, shown: str) -> None:
    RAW.mkdir(parents=True, exist_ok=True)
    (RAW / f"{name}.txt").write_text(repr(shown), encoding="utf-8")
    screen = Screen(COLUMNS)
    screen.feed(f"$ {command}\r\n{shown}")
    SCREENS.mkdir(exist_ok=True)
    (SCREENS / f"{name}.svg").write_text(screen.svg(title), encoding="utf-8")
    print("\n".join(screen.lines()))


def main() -> int:
    with Lab(scale=3) as lab:
        product = Product(lab, parse({}), {"objective_hours": 26})
        product.deploy()
        wait_until_up(lab)
        environment = user(lab)
        live = Terminal([str(BINARY), "backup", "orders"], environment)
        live.wait_for("OUTAGE")
        moment = live.shown
        assert live.end() == 0, live.text()
        drawn("backup", "a backup of the cluster orders, in its outage", "mirrorsnap backup orders", moment)
        status = Terminal([str(BINARY), "status"], environment)
        assert status.end() == 0, status.text()
        drawn("status", "every cluster at a glance", "mirrorsnap status", status.shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
