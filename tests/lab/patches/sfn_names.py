"""Names of executions and state machines, as the API reference describes them."""

from __future__ import annotations

import re
from typing import Any

# No white space, brackets, wildcards, special characters or control characters (StartExecution, parameter `name`).
_BAD = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def bad_name(name: Any) -> bool:
    return not isinstance(name, str) or not 1 <= len(name) <= 80 or bool(_BAD.search(name))
