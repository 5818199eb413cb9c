"""What the SDK of EC2 is compiled with, by Cargo's own account."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = "aws-sdk-ec2"  # minutes and 8 GB


def compiled_with(package: str, root: Path = ROOT) -> dict[str, set[str]]:
    """The features of aws-sdk-ec2 and of all that it stands on, in a build of `package`."""
    command = ["cargo", "tree", "--locked", "--offline", "--edges=normal,build", "--no-dedupe", "--prefix=depth"]
    told = subprocess.run(
        [*command, "--format=|{p}|{f}", f"--package={package}"], cwd=root, check=True, capture_output=True, text=True
    )
    found: dict[str, set[str]] = {}
    within: int | None = None  # the depth of aws-sdk-ec2, below which we are
    for line in told.stdout.splitlines():
        depth, name, features = line.split("|")
        if within is not None and int(depth) <= within:
            within = None
        if name.startswith(f"{HEAVY} "):
            within = int(depth)
        if within is not None:
            found.setdefault(name, set()).add(features)
    return found
