"""What is asked of the judge about a class of images. The figures are left in target/images."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from images.judge import ROOT
from images.mutilate import SEEN_ALONE, Case, mutilated, sound


class Ask(Protocol):
    def __call__(self, case: Case, alone: bool = False) -> dict[str, Any]: ...


def _note(name: str, seeds: range, figures: Mapping[str, Any]) -> None:
    out = ROOT / "target" / "images"
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"images": len(seeds), **figures}, indent=1) + "\n"
    (out / f"{name.replace(' ', '-')}-{seeds.start}.json").write_text(text, encoding="utf-8")


def never_clean(kind: str, seeds: range, ask: Ask, consistency: str = "stopped") -> None:
    found, alone, wrong = Counter[str](), Counter[str](), []
    for seed in seeds:
        case = mutilated(kind, seed, consistency)
        verdict = ask(case)["verdict"]
        found[verdict] += 1
        by_structures = ask(case, alone=True)["verdict"]
        alone[by_structures] += 1
        if verdict == "clean" or (by_structures == "clean" and kind in SEEN_ALONE):
            wrong.append(f"{seed}: {case.family} {case.what}")
    name = kind if consistency == "stopped" else f"{consistency} {kind}"
    _note(name, seeds, {"verdicts": dict(found), "by the structures alone": dict(alone)})
    assert not wrong


def counted(kind: str, seeds: range, ask: Ask) -> None:
    """No promise: docs/images.md lists it."""
    found = Counter(ask(mutilated(kind, seed))["verdict"] for seed in seeds)
    _note(kind, seeds, {"verdicts": dict(found)})
    assert kind != "blocks of two moments" or found["torn"] > 0
    assert found["clean"] > 0, "if none of it were missed, it would belong to the classes that are promised"


def none_refused(numbers: range, ask: Ask) -> None:
    refused, blocks = [], Counter[int]()
    for case in sound(numbers):
        verdict = ask(case)
        blocks[verdict["blocks"]] += 1
        if verdict["verdict"] != "clean":
            refused.append(f"{case.family} {case.what}: {verdict['sentence']}")
    _note("sound", numbers, {"blocks read": dict(sorted(blocks.items())), "refused": refused})
    assert not refused and sum(blocks.values()) == len(numbers)
