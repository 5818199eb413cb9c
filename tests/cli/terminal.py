"""A command in a pseudo-terminal of its own, as a person would run it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Mapping, Sequence

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LINES, COLUMNS = 40, 120
SECONDS = 300  # real; they end what hangs


class Terminal:
    """Started at once; `shown` is all that it has printed."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.shown = ""
        self._code: int | None = None
        self._pid, self._fd = pty.fork()
        if self._pid == 0:  # the child: it must not return
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
                os.execvpe(command[0], list(command), {**environment, "TERM": "xterm"})
            finally:
                os._exit(127)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def _read(self, seconds: float) -> bool:
        """Take what it prints next; whether it may print more."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            taken = os.read(self._fd, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            return False
        self.shown += taken.decode(errors="replace")
        return bool(taken)

    def text(self) -> str:
        """What it has printed, without the escapes that move and colour."""
        return ESCAPES.sub("", self.shown).replace("\r", "")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + SECONDS
        while text not in self.text():
            assert time.monotonic() < deadline, f"{text!r} did not come:\n{self.text()}"
            assert self._read(0.2), f"it ended without {text!r}:\n{self.text()}"

    def end(self) -> int:
        """Its exit code, once it has ended."""
        deadline = time.monotonic() + SECONDS
        while self._read(0.2):
            assert time.monotonic() < deadline, f"it does not end:\n{self.text()}"
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
