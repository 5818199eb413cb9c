"""Every scenario of this directory, and the sweep, each in a lab of its own. `make build` comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scenario.deployment import TEMPLATE
from scenario.format import load, parse
from scenario.runner import run
from scenarios.sweep import CASES, Case, RestoreCase

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
SCALE = 8.0  # two workers on two cores: faster, and the machine's own time would show in the outages
SECONDS = 400  # real; a scenario takes 20 to 60 of them


def judge(result: dict[str, Any]) -> None:
    failures = [f"{s['kind']}: {text}" for s in result["steps"] for text in s.get("failures", [])]
    failures += [f"oracle {v['oracle']} at step {v['step'] + 1}: {v['text']}" for v in result["violations"]]
    assert result["passed"], "\n".join(failures)
    assert not failures


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    assert TEMPLATE.is_file(), "there is nothing to deploy: run `make build` first"


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file(path: Path) -> None:
    judge(run(load(path), SCALE))


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sweep(case: Case | RestoreCase) -> None:
    judge(run(parse(yaml.safe_dump(case.document()), case.name), SCALE))
