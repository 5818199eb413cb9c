"""The judge against images that other code has mutilated (mutilate.py): none is called clean, no sound one refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from images.asking import Ask, counted, never_clean, none_refused
from images.mutilate import BY_CHANCE, CLASSES, Case, families, judged, not_judged, sound

# Of each class; test_images_more.py takes those that follow.
FEW = 20


@pytest.mark.parametrize("kind", CLASSES)
def test_a_mutilated_image_is_never_clean(kind: str, ask: Ask) -> None:
    never_clean(kind, range(FEW), ask)


@pytest.mark.parametrize("kind", BY_CHANCE)
def test_what_is_seen_by_chance_is_counted(kind: str, ask: Ask) -> None:
    counted(kind, range(FEW), ask)


def test_no_sound_image_is_refused(ask: Ask) -> None:
    none_refused(range(2 * FEW), ask)


def test_what_a_kernel_left_is_judged_as_it_is(ask: Ask) -> None:
    """Every state of every fixture, with the fingerprint of its own bytes."""
    wrong = []
    for family, states in families().items():
        for name, state in states.items():
            case = Case("as it is", family, name, state.image, state.about, state.about["fingerprint"])
            verdict = ask(case, False)["verdict"]
            wanted = state.about["verdict"]
            if verdict != wanted and not (wanted == "unclean" and verdict not in ("clean", "not-judged")):
                wrong.append(f"{family} {name}: {verdict}, and it is {wanted}")
    assert not wrong


def test_without_a_fingerprint_nothing_is_clean(ask: Ask) -> None:
    for case in sound(range(FEW)):
        case.fingerprint = None  # type: ignore[assignment]
        verdict = ask(case, False)
        assert (verdict["verdict"], verdict["reason"]) == ("not-judged", "no-fingerprint"), (case.family, case.what)


def test_what_cannot_be_judged_says_so(ask: Ask) -> None:
    seen = {}
    for case in not_judged():
        verdict = ask(case, False)
        assert verdict["verdict"] == "not-judged", (case.family, verdict)
        seen[case.family] = verdict["sentence"]
        case.fingerprint = "00" * 32
        assert ask(case, False)["verdict"] == "fingerprint-differs", case.family
    for family, word in {
        "btrfs": "btrfs",
        "luks": "LUKS",
        "swap": "swap",
        "xfs-external-log": "log is on another device",
        "xfs-realtime": "realtime",
        "ext4-external-journal": "journal is on another device",
        "ext4-journal-device": "journal of an ext4",
        "raw": "nothing that is known here",
    }.items():
        assert word in seen[family]


def test_the_fixtures_are_many_and_small() -> None:
    assert len([name for name in judged() if not name.startswith("kernel-")]) >= 12
    assert {"xfs-sector-4096", "xfs-no-bigtime", "xfs-no-reflink", "xfs-external-log"} <= families().keys()
    assert {"ext4-no-metadata-csum", "ext4-no-64bit", "ext4-bigalloc"} <= families().keys()
    kernels = {state.about["kernel"] for states in families().values() for state in states.values()} - {""}
    assert len(kernels) >= 2
    size = sum(path.stat().st_size for path in (Path(__file__).parent / "fixtures").iterdir())
    assert size <= 20 * 1024 * 1024
