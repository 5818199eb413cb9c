"""The lab's one ordered log: API calls, state transitions, node commands, events, faults, resource states.

Every entry has `seq` (dense, from 1), `t` (lab seconds since the start) and `kind`. Tests, oracles and reports read
this log and nothing else. Kinds and their fields are listed in README.md.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .clock import Clock


class Record:
    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self._clock = clock
        self._entries: list[dict[str, Any]] = []
        self._cond = threading.Condition()
        self._file = path.open("a", encoding="utf-8") if path else None
        self._watchers: list[Callable[[dict[str, Any]], None]] = []

    def add(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Append one entry; the order of calls is the order of the log."""
        with self._cond:
            entry = {"seq": len(self._entries) + 1, "t": round(self._clock.monotonic(), 4), "kind": kind, **fields}
            self._entries.append(entry)
            if self._file:
                self._file.write(json.dumps(entry, default=str, ensure_ascii=False) + "\n")
                self._file.flush()
            watchers = list(self._watchers)
            self._cond.notify_all()
        for watcher in watchers:
            watcher(entry)
        return entry

    def since(self, seq: int = 0, wait: float = 0.0) -> list[dict[str, Any]]:
        """Entries after `seq`; with `wait`, block up to that many real seconds for the first one."""
        with self._cond:
            if wait and len(self._entries) <= seq:
                self._cond.wait(wait)
            return self._entries[max(0, seq) :]

    def watch(self, fn: Callable[[dict[str, Any]], None]) -> None:
        """Call `fn` with each new entry, on the thread that adds it; `fn` must be quick and must not raise."""
        with self._cond:
            self._watchers.append(fn)

    def close(self) -> None:
        with self._cond:
            if self._file:
                self._file.close()
                self._file = None
