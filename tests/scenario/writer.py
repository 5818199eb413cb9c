"""An application that never stops writing: small files through the group, while the product works."""

from __future__ import annotations

import threading

from lab.client import ControlError, Lab


class Writer:
    """Writes `order-0001`, `order-0002`, … each with a text of its own; what is refused is written again later."""

    def __init__(self, lab: Lab, pause: float = 0.3) -> None:
        self.lab, self.pause = lab, pause  # lab seconds between two writes
        self.written: dict[str, str] = {}
        self.refused = 0
        self.problem: Exception | None = None  # what ended it against its will
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(self.pause / self.lab.scale):
            number = len(self.written) + 1
            name, text = f"order-{number:04}", f"order {number} of the demonstration"
            try:
                self.lab.control("cluster_write", file=name, text=text)
            except ControlError:
                self.refused += 1  # the group is down: an application waits
            except Exception as error:
                self.problem = error
                return
            else:
                self.written[name] = text
