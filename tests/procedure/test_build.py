"""infra/build.py writes what is deployed, and several builds may run at once: `make scenario` twice, side by side."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_builds_side_by_side(tmp_path: Path) -> None:
    for each in ("infra", "statemachine", "functions/domain/src"):
        shutil.copytree(ROOT / each, tmp_path / each)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/catalogue.yaml", tmp_path / "docs")
    bootstrap = tmp_path / "target/lambda/bootstrap/bootstrap"
    bootstrap.parent.mkdir(parents=True)
    bootstrap.write_bytes(os.urandom(4 << 20))
    builds = [subprocess.Popen([sys.executable, tmp_path / "infra/build.py"], stderr=subprocess.PIPE) for _ in range(6)]
    assert [build.communicate(timeout=120)[1].decode() for build in builds] == [""] * 6
    with zipfile.ZipFile(tmp_path / "target/lambda/bootstrap.zip") as archive:
        assert archive.read("bootstrap") == bootstrap.read_bytes()
    built = sorted(path.name for path in (tmp_path / "target/deploy").iterdir())
    machines = ["backup.asl.json", "converge.asl.json", "copy.asl.json", "hold.asl.json", "patrol.asl.json"]
    machines += ["prove.asl.json"]
    machines += ["recover.asl.json", "restore.asl.json"]
    assert built == [*machines, "template.json"]
