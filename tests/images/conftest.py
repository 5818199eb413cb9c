"""The judge, and a file for the image that it is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from images.asking import Ask
from images.judge import judge
from images.mutilate import Case

# What the judge reads of each of these images at most: they have up to 16 groups and a log of up to 64 MiB.
MOST_BLOCKS = 64


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    path = tmp_path_factory.mktemp("images") / "image"
    with judge() as asked:

        def answer(case: Case, alone: bool = False) -> dict[str, Any]:
            case.image.save(path)
            found = asked(case.request(str(path), alone))
            assert found["blocks"] <= MOST_BLOCKS, (case.family, case.what, found)
            return found

        yield answer
    path.unlink(missing_ok=True)
