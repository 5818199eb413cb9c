"""functions/tests/payloads.json has what each state calls its function with, and is current."""

from __future__ import annotations

import payloads


def test_the_file_is_current() -> None:
    assert payloads.FILE.read_text(encoding="utf-8") == payloads.text(), "run tests/procedure/payloads.py"


def test_every_state_that_calls_a_function_is_in_it() -> None:
    assert payloads.uncalled() == set()
