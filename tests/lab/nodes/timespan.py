"""systemd's time spans: `5`, `5s`, `1min 30s`, `100ms`, `infinity`."""

from __future__ import annotations

import re

_UNITS = {
    "us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3, "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip


def parse(text: str) -> float | None:
    """Seconds, None for `infinity`; ValueError for anything else."""
    text = text.strip()
    if text == "infinity":
        return None
    if not re.fullmatch(r"(\d+(\.\d+)?\s*[a-z]*\s*)+", text):
        raise ValueError(text)
    total = 0.0
    for number, _, unit in re.findall(r"(\d+(\.\d+)?)\s*([a-z]*)", text):
        if unit not in _UNITS:
            raise ValueError(text)
        total += float(number) * _UNITS[unit]
    return total
