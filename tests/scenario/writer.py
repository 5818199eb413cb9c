"""An application that never stops writing: small files through the group, while the product works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lab.client import ControlError, Lab

from .books import Books


class Writer:
    """Writes `order-1-0001`, `order-1-0002`, … each with a text of its own, in the application's first run, then
    `order-2-0001`, … after the group was down, and so on. What is refused is written again later."""

    def __init__(self, lab: Lab, pause: float = 0.4) -> None:
        self.lab, self.pause = lab, pause  # lab seconds between two writes
        self.books = Books()
        self.refused = self.done = 0
        self.problem: Exception | None = None  # what ended it against its will
        self._number = 0  # of the last order of this run
        self._down = False  # the last order was refused
        self._turn = threading.Lock()  # held while it acts: whoever has it sees disk and books agree
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    @contextmanager
    def paused(self) -> Iterator[Books]:
        """Nothing is written meanwhile: the books say exactly what is on the disk."""
        with self._turn:
            yield self.books

    def write(self, name: str, text: str) -> None:
        """One file more, by the application's user; ControlError if the group is down."""
        with self._turn:
            self.lab.control("cluster_write", file=name, text=text)
            self.books.wrote(name, text)

    def delete(self, name: str) -> None:
        with self._turn:
            self.lab.control("cluster_delete", file=name)
            self.books.deleted(name)

    def _run(self) -> None:
        while not self._stop.wait(self.pause / self.lab.scale):
            try:
                with self._turn:
                    self._order()
            except Exception as error:
                self.problem = error
                return

    def _order(self) -> None:
        run, number = (self.books.run + 1, 1) if self._down else (self.books.run, self._number + 1)
        name, text = f"order-{run}-{number:04}", f"order {number} of the application's run {run}"
        try:
            self.lab.control("cluster_write", file=name, text=text)
        except ControlError:
            self.refused += 1  # the group is down, and the application with it
            self._down = True
            return
        if self._down:
            self.books.restarted()
        self._number, self._down = number, False
        self.done += 1
        self.books.wrote(name, text)
