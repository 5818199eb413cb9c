"""The judge says of each state of each fixture what the file systems' own tools said (agreement.json, by agree.py).

Where they differ, docs/images.md says why: `e2fsck` says nothing of a mounted file system without a journal.
"""

from __future__ import annotations

import json

from images.agree import RECORDED, word
from images.asking import Ask
from images.mutilate import Case, families

WITHOUT_JOURNAL = {"ext2", "ext4-no-journal"}


def test_the_judge_agrees_with_the_tools(ask: Ask) -> None:
    said = json.loads(RECORDED.read_text(encoding="utf-8"))["images"]
    known = {
        (family, name): state
        for family, states in families().items()
        for name, state in states.items()
        if state.about["file_system"] in ("xfs", "ext4")
    }
    assert {(family, name) for family, states in said.items() for name in states} == set(known)
    wrong, words = [], set()
    for (family, name), state in known.items():
        case = Case("", family, name, state.image, state.about, state.about["fingerprint"])
        found, tools = word(ask(case, alone=True)), said[family][name]
        words.add(found)
        # The last one is e2fsck.
        if any(tool != found for tool in (tools[:1] if family in WITHOUT_JOURNAL else tools)):
            wrong.append(f"{family} {name}: the judge says {found}, the tools {tools}")
    assert not wrong
    assert words == {"clean", "not unmounted"} and len(known) > 180
