"""The log: dense, ordered, the same for readers, watchers and the file."""

from __future__ import annotations

import itertools
import json
import threading
import time
from pathlib import Path
from typing import Any

from lab.clock import Clock
from lab.record import Record


def test_entries_are_dense_and_ordered_however_many_threads_write(tmp_path: Path) -> None:
    record = Record(Clock(50), tmp_path / "log.jsonl")
    heard: list[dict[str, Any]] = []
    record.watch(heard.append)

    def write(name: int) -> None:
        for n in range(100):
            record.add("node", name=name, n=n)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = record.since()
    assert [e["seq"] for e in entries] == list(range(1, 401))
    assert all(a["t"] <= b["t"] for a, b in itertools.pairwise(entries))
    for k in range(4):
        assert [e["n"] for e in entries if e["name"] == k] == list(range(100))
    assert sorted(heard, key=lambda e: e["seq"]) == entries
    assert record.since(397) == entries[397:] and record.since(400) == record.since(999) == []
    record.close()
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == entries


def test_waiting_for_the_next_entry() -> None:
    record = Record(Clock(50))
    began = time.monotonic()
    assert record.since(0, wait=0.1) == [] and time.monotonic() - began >= 0.1
    timer = threading.Timer(0.05, lambda: record.add("power", node="server1"))
    timer.start()
    began = time.monotonic()
    assert [e["kind"] for e in record.since(0, wait=60)] == ["power"]
    assert time.monotonic() - began < 60  # it does not wait to the end


def test_values_that_json_does_not_know_are_written_as_text(tmp_path: Path) -> None:
    record = Record(Clock(1), tmp_path / "log.jsonl")
    record.add("ec2", id="vol-1", at=Path("/x"), text="日本")
    record.close()
    line = (tmp_path / "log.jsonl").read_text()
    assert json.loads(line)["at"] == "/x" and "日本" in line
    record.add("ec2", id="vol-2")  # after close it is kept in memory alone
    assert len(record.since()) == 2 and (tmp_path / "log.jsonl").read_text() == line
