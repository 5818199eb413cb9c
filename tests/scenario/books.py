"""What must be on an application's disk after restores: which file belongs to which time line.

An application ends with its group and begins again with it, so each stop of the group separates two *runs*. No name is
written twice: a file's name tells its run. A restore takes the disk back to an earlier state, and the runs after it go
on from there. That is a new time line.
"""

from __future__ import annotations

Files = dict[str, str]  # name -> text


class Books:
    def __init__(self) -> None:
        self.run = 1
        self._base: Files = {}  # at the beginning of the present time line
        self._changes: list[tuple[int, str, str | None]] = []  # on it: (run, name, text; None: deleted)

    def copy(self) -> Books:
        other = Books()
        other.run, other._base, other._changes = self.run, dict(self._base), list(self._changes)
        return other

    @property
    def files(self) -> Files:
        """What must be on the disk now."""
        return _applied(self._base, self._changes)

    def wrote(self, name: str, text: str) -> None:
        self._changes.append((self.run, name, text))

    def deleted(self, name: str) -> None:
        self._changes.append((self.run, name, None))

    def restarted(self) -> None:
        """The group was down: what is written from now on belongs to another run."""
        self.run += 1

    def since(self, run: int) -> Files:
        """What the runs after `run` have written."""
        return _applied({}, [change for change in self._changes if change[0] > run])

    def turned_back(self, base: Files, run: int) -> Files:
        """The disk was taken back to `base` between run `run` and the next one. Returns what was there before."""
        left = _applied(self._base, [change for change in self._changes if change[0] <= run])
        self._base, self._changes = dict(base), [change for change in self._changes if change[0] > run]
        return left


def _applied(base: Files, changes: list[tuple[int, str, str | None]]) -> Files:
    files = dict(base)
    for _, name, text in changes:
        if text is None:
            files.pop(name, None)
        else:
            files[name] = text
    return files
