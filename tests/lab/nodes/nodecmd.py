"""Where the nodecmd binary is, and how it is built when nobody has built it yet."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "tests/lab/nodecmd/src/main.rs"
BINARY = ROOT / "target/nodecmd/release/nodecmd"


def binary() -> Path:
    """The nodecmd binary, as new as its source; `make` builds it with cargo, this builds it with rustc alone.

    Raises RuntimeError with the compiler's words if it cannot be built.
    """
    if override := os.environ.get("LAB_NODECMD"):
        return Path(override)
    if _fresh():
        return BINARY
    BINARY.parent.mkdir(parents=True, exist_ok=True)
    with (BINARY.parent / ".lock").open("w") as lock:  # several labs may start at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _fresh():
            _build()
    return BINARY


def _fresh() -> bool:
    return BINARY.exists() and BINARY.stat().st_mtime >= SOURCE.stat().st_mtime


def _build() -> None:
    rustc = shutil.which("rustc")
    if not rustc:
        raise RuntimeError(f"{BINARY} is missing, and there is no rustc to build it: run `make setup`")
    side = BINARY.with_suffix(".new")
    # No dependency, hence no cargo. Static: half of a call's cost would be the dynamic linker's.
    options = ("opt-level=3", "panic=abort", "strip=symbols", "target-feature=+crt-static")
    flags = ["--edition", "2024", *(part for option in options for part in ("-C", option))]
    done = subprocess.run([rustc, *flags, str(SOURCE), "-o", str(side)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"nodecmd does not build:\n{done.stderr}")
    side.replace(BINARY)


if __name__ == "__main__":
    print(binary())
