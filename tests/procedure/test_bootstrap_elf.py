"""What is deployed runs on Lambda: the right processor, and no newer C library than Lambda has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

import bootstrap_elf

from scenario.deployment import ARCHITECTURE


def elf(path: Path, machine: int, *versions: str) -> Path:
    names = "".join(f"\0GLIBC_{each}" for each in versions).encode()
    path.write_bytes(b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little") + names + b"\0rest")
    return path


def test_the_built_file_runs_on_lambda() -> None:
    assert bootstrap_elf.for_lambda().architecture == ARCHITECTURE


def test_versions_are_numbers(tmp_path: Path) -> None:
    found = bootstrap_elf.for_lambda(elf(tmp_path / "bootstrap", 183, "2.4", "2.34", "2.9", "2.2.5"))
    assert (found.architecture, found.glibc) == ("arm64", (2, 34))


@pytest.mark.parametrize(
    ("machine", "version", "said"),
    [(62, "2.35", "asks for glibc 2.35; Lambda has 2.34"), (62, "2.100", "2.100"), (3, "2.17", "machine 3")],
)
def test_what_lambda_cannot_run_is_refused(tmp_path: Path, machine: int, version: str, said: str) -> None:
    with pytest.raises(bootstrap_elf.Unusable, match=said):
        bootstrap_elf.for_lambda(elf(tmp_path / "bootstrap", machine, version, "2.17"))


def test_a_script_is_no_bootstrap(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    with pytest.raises(bootstrap_elf.Unusable, match="make build"):
        bootstrap_elf.for_lambda(tmp_path / "bootstrap")
