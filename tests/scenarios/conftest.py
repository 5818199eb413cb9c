"""Under xdist, the cases of one chain of the sweep run in one worker, one after the other, and so in one lab."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class ByChain(LoadScopeScheduling):
    # xdist's own groups (--dist loadgroup) do nothing under this pytest: it does not let a plugin change a test's id.
    def _split_scope(self, nodeid: str) -> str:
        """The chain of `test_sweep[chain/case]`; every other test is by itself."""
        chain, _, _ = nodeid.rpartition("/")
        return chain if "[" in chain else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByChain | None:
    return ByChain(config, log) if config.getvalue("dist") == "loadscope" else None
