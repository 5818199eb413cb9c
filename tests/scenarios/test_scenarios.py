"""Every scenario of this directory, each in a lab of its own, and the sweep, in chains. `make build` comes first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scenario.deployment import TEMPLATE
from scenario.format import load
from scenario.runner import run
from scenarios.chain import Chain
from scenarios.sweep import CHAINS, QUICK, Link
from scenarios.switches import SEED

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.yaml"))
MORE = sorted(HERE.glob("more/*.yaml"))  # what `make test-all` adds: other cases of a kind, and waits of many minutes
SCALE = 8.0  # two workers on two cores: faster, and the machine's own time would show in the outages
SECONDS = 1800  # real, to end one that hangs; a scenario takes 20 to 60 of them, on a busy machine many more


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
@pytest.mark.parametrize("path", MORE, ids=lambda path: path.stem)
def test_more(path: Path) -> None:
    judge(run(load(path), SCALE))


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    made = Chain(SCALE)
    yield made
    made.close()


def parameters(chains: dict[str, list[Link]]) -> Any:
    """(chain, case) for each case, the seed in its id; `--dist loadscope` keeps a chain in one worker (conftest.py)."""
    return pytest.mark.parametrize(
        ("name", "link"),
        [pytest.param(name, link, id=f"{name}@{SEED}/{link.name}") for name, links in chains.items() for link in links],
    )


@pytest.mark.timeout(SECONDS)
@parameters(QUICK)
def test_quick(chain: Chain, name: str, link: Link) -> None:
    """One of each kind of the sweep."""
    judge(chain.run(name, link))


@pytest.mark.timeout(SECONDS)
@parameters(CHAINS)
def test_sweep(chain: Chain, name: str, link: Link) -> None:
    judge(chain.run(name, link))
