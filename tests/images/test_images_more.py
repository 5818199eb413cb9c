"""The rest of 1,000 mutilated and of 200 sound images: as test_images.py, with other seeds."""

from __future__ import annotations

import pytest

from images.asking import Ask, counted, never_clean, none_refused
from images.mutilate import BY_CHANCE, CLASSES, OF_FROZEN
from images.test_images import FEW, FEW_FROZEN

EACH, EACH_FROZEN, SOUND = 100, 20, 200


@pytest.mark.parametrize("kind", CLASSES)
def test_a_mutilated_image_is_never_clean(kind: str, ask: Ask) -> None:
    never_clean(kind, range(FEW, EACH), ask)


@pytest.mark.parametrize("kind", OF_FROZEN)
def test_a_mutilated_image_of_a_frozen_backup_is_never_clean(kind: str, ask: Ask) -> None:
    never_clean(kind, range(FEW_FROZEN, EACH_FROZEN), ask, "frozen")


@pytest.mark.parametrize("kind", BY_CHANCE)
def test_what_is_seen_by_chance_is_counted(kind: str, ask: Ask) -> None:
    counted(kind, range(FEW, EACH), ask)


@pytest.mark.parametrize("first", range(2 * FEW, SOUND, 2 * FEW))
def test_no_sound_image_is_refused(first: int, ask: Ask) -> None:
    none_refused(range(first, first + 2 * FEW), ask)
