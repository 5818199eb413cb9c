"""What `poll` of statemachine/*.yaml becomes, and the waits that grow (statemachine/README.md)."""

from __future__ import annotations

import re
from typing import Any

from statemachine_verbs import SourceError, failed

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str | int) -> int:
    """`15s`, `10m`, `6h`, `7d`, or a number of seconds."""
    if isinstance(text, int):
        return text
    if not (match := re.fullmatch(r"(\d+)([smhd])", text)):
        raise SourceError(f"{text!r} is no time: 15s, 10m, 6h, 7d")
    return int(match[1]) * UNITS[match[2]]


def schedule(every: list[str], within: str | None, look: int = 0) -> list[tuple[int, int]]:
    """`[15s x 40, 10m]` within `6h` as pairs of a wait and how often; `look`: seconds that each look takes besides.

    No wait is longer than a tenth of what went before, so that nobody hears of an end more than a tenth later than by
    the first interval for ever.
    """
    pairs: list[tuple[int, int]] = []
    passed = 0
    for entry in every:
        wait, _, times = entry.partition(" x ")
        interval = seconds(wait)
        if times:
            count = int(times)
        elif within and entry == every[-1]:
            count = max(1, -(-(seconds(within) - passed) // interval))
        else:
            raise SourceError(f"`every: {entry}` has no end: say how often, or `within`")
        if pairs and interval > max(pairs[0][0], passed / 10):
            raise SourceError(f"`every: {entry}` is more than a tenth of the {passed} s before it")
        pairs.append((interval, count))
        passed += (interval + look) * count
    return pairs


def waits(pairs: list[tuple[int, int]], counter: str, deadline: str | None = None) -> int | str:
    """`Seconds` of a Wait, by how many there have been: the counter is 1 in the first. None goes past the deadline."""
    text, upto = "", 0
    for interval, count in pairs[:-1]:
        upto += count
        text += f"{counter} <= {upto} ? {interval} : " if interval else ""
    text += str(pairs[-1][0])
    if deadline:
        left = f"$ceil(($toMillis({deadline}) - $toMillis($entered)) / 1000)"
        text = f"$max([1, $min([{text}, {left}])])"
    return int(text) if text.isdigit() else "{% " + text + " %}"


# A restore's limit, beside a bound for the history, while its groups are down. The looks wait in the function at first.
OUTAGE = {
    "deadline": "$deadline",
    "every": ["0s x 30", "2m x 10", "5m x 10", "10m x 10", "20m x 10", "40m"],
    "within": "24h",
}


def overdue(during: str) -> dict[str, str]:
    """The error of a restore that its limit ends."""
    cause = (
        f"{{% 'The restore ran into max_restore_outage_seconds while {during}: ' & $input.why &"
        " '. Next: nothing by hand, the old volumes are put back.' %}"
    )
    return {"Error": "RestoreOverdue", "Cause": cause}


def poll(name: str, source: dict[str, Any], branch: bool) -> dict[str, dict[str, Any]]:
    """A call that is repeated `until` a field of its answer is true: the call, the question, and the wait between.

    The number of looks goes along in the states' data, with the name that it belongs to: it begins anew with each poll.
    """
    if "outage" in source:
        source |= OUTAGE | {"late": overdue(source.pop("outage"))}
    ask, target, late, deadline = source.pop("ask"), source["else"], source.pop("late"), source.pop("deadline", None)
    target = target["any"] if isinstance(target, dict) else target
    patience = source["with"].get("patience_seconds", 0)
    pairs = schedule(source.pop("every"), source.pop("within", None), patience)
    count = f"($input.poll = '{name}' ? $input.looks : 0) + 1"
    look = {"call": source.pop("poll"), "Output": f"$merge([$payload, {{'poll': '{name}', 'looks': {count}}}])"}
    ends = [f"$toMillis($entered) >= $toMillis({deadline})"] if deadline else []
    ends.append(f"$input.looks >= {sum(count for _, count in pairs)}")
    rules = [
        {"Condition": f"$input.{source.pop('until')} = true", "Next": source.pop("then")},
        *({"Condition": end} | (late if "Next" in late else failed(late, target, branch)) for end in ends),
        *source.pop("also", []),
    ]
    question = {"Type": "Choice", "Choices": rules, "Default": name}
    if "asked" in source:
        question["about"] = source.pop("asked")
    out = {name: look | source, ask: question}
    if "wait" in source:
        wait = out[name].pop("wait")
        out[wait] = {"Type": "Wait", "Seconds": waits(pairs, "$input.looks", deadline), "then": name}
        question["Default"] = wait
        if pairs[0][0] == 0:
            rules.append({"Condition": f"$input.looks <= {pairs[0][1]}", "Next": name})
    return out
