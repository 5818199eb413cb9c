"""The application of the demonstration: what is on the disk is what its books say, whenever it is paused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lab.client import ControlError, eventually
from scenario.writer import Writer


class Disk:
    """The part of a lab that an application sees: a group that is up or down, and files."""

    scale = 1000.0

    def __init__(self) -> None:
        self.up = True
        self.files: dict[str, str] = {}

    def control(self, op: str, file: str, text: str = "") -> None:
        if not self.up:
            raise ControlError("the group is not online")
        if op == "cluster_write":
            self.files[file] = text
        else:
            assert op == "cluster_delete"
            del self.files[file]


def until(condition: Callable[[], bool]) -> None:
    eventually(condition, "what the writer does")


def test_each_time_the_group_was_down_another_run_begins_with_names_of_its_own() -> None:
    disk: Any = Disk()
    with Writer(disk) as writer:
        until(lambda: len(disk.files) >= 3)
        disk.up = False
        until(lambda: writer.refused >= 2)
        with writer.paused() as books:
            assert books.files == disk.files and books.run == 1
        disk.up = True
        until(lambda: "order-2-0002" in disk.files)
    assert writer.problem is None
    assert writer.books.files == disk.files and writer.books.run == 2
    assert set(writer.books.since(1)) == {name for name in disk.files if name.startswith("order-2-")}
    assert len(set(disk.files.values())) == len(disk.files), "each file has a text of its own"


def test_paused_it_writes_nothing_and_files_of_the_user_are_in_the_books() -> None:
    disk: Any = Disk()
    with Writer(disk) as writer:
        writer.write("customers", "all of them")
        until(lambda: len(disk.files) >= 3)
        with writer.paused() as books:
            before = dict(disk.files)
            time.sleep(0.05)
            assert disk.files == before == books.files and books.files["customers"] == "all of them"
        writer.delete("customers")
        until(lambda: len(disk.files) > len(before))
        with writer.paused() as books:
            assert books.files == disk.files and "customers" not in books.files


def test_what_is_no_refusal_ends_it_and_is_not_hidden() -> None:
    disk: Any = Disk()
    disk.control = lambda op, **_: 1 / 0
    with Writer(disk) as writer:
        until(lambda: writer.problem is not None)
    assert isinstance(writer.problem, ZeroDivisionError)
