"""What SNS refuses of a Publish (API reference, Publish): a subject of 100 characters or more, or with line breaks or
control characters, and a message above 256 KiB. ministack takes any.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.services import sns

from .pins import replace

SUBJECT = 100  # characters; "less than 100 characters long"
MESSAGE = 262_144  # bytes
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def problem(subject: str, message: str) -> str | None:
    """The parameter that SNS names, or None."""
    if len(subject) >= SUBJECT or _CONTROL.search(subject):
        return "Subject"
    return "Message too long" if len(message.encode()) > MESSAGE else None


def install() -> None:
    original = replace(sns, "_publish", lambda params: publish(params))

    def publish(params: dict[str, Any]) -> Any:
        message = sns._p(params, "Message")
        bad = problem(str(sns._p(params, "Subject") or ""), message if isinstance(message, str) else "")
        if bad:
            return sns._error("InvalidParameter", f"Invalid parameter: {bad}", 400)
        return original(params)
