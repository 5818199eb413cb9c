"""Asks one belief after the other. Whatever goes wrong with one is its verdict, and the next is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from .plan import MOST_MINUTES
from .scratch import NeverCame, Scratch
from .verdict import Probe, Verdict, not_asked, refuted

# Refusals that say something about this account or this moment, and nothing about what is believed.
HERE_AND_NOW = (
    "AccessDenied",
    "Unauthorized",
    "Throttl",
    "RequestLimit",
    "LimitExceeded",
    "NotFound",
    "OptIn",
    "Capacity",
)


def of_refusal(error: ClientError) -> Verdict:
    code, call = str(error.response["Error"]["Code"]), error.operation_name
    if any(each in code for each in HERE_AND_NOW):
        return not_asked(f"{call} was refused: {error}")
    return refuted(f"{call} was refused with {code}, which nobody expected here: {error}")


def asked(probe: Probe, scratch: Scratch) -> Verdict:
    try:
        return probe.judge(probe.ask(scratch))
    except ClientError as error:
        return of_refusal(error)
    except (NeverCame, BotoCoreError) as error:
        return not_asked(str(error))
    except (LookupError, TypeError, ValueError) as error:
        return refuted(f"An answer is not as it should be: {type(error).__name__}: {error}")


def ask_all(
    scratch: Scratch,
    probes: Sequence[Probe],
    verdicts: dict[str, Verdict],
    *,
    in_the_lab: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Ask them in this order, each verdict into `verdicts` as soon as it is there."""
    scratch.waiting.end = time.monotonic() + (MOST_MINUTES - 4) * 60  # the rest is for removing
    for probe in probes:
        if in_the_lab and probe.not_in_the_lab:
            verdict = not_asked(probe.not_in_the_lab)
        elif time.monotonic() > scratch.waiting.end:
            verdict = not_asked("The time was up.")
        else:
            verdict = asked(probe, scratch)
        verdicts[probe.belief] = verdict
        say(f"{verdict.result:10} {probe.belief:24} {verdict.words}")
    scratch.waiting.end = float("inf")
