"""What a run asked of AWS and what that costs, out of the lab's log. Pure.

Prices are AWS's list prices for us-east-1 in November 2026, without a free tier. Calls of EC2 and Systems Manager cost
nothing; snapshots and volumes cost the same whoever makes them, and are left out.
"""

from __future__ import annotations

from typing import Any

from scenario.timeline import Entry

TRANSITION = 0.025 / 1000  # Step Functions, Standard Workflows
REQUEST = 0.20 / 1_000_000  # Lambda
GB_SECOND = 0.0000166667  # Lambda on x86_64
MEMORY_GB = 0.25  # of each function (infra/template.yaml)


def bill(entries: list[Entry], start: float, end: float, transitions: int) -> dict[str, Any]:
    """`transitions` with those of children. A cold start's initialization is billed as its duration is."""
    within = [each for each in entries if start <= each["t"] <= end]
    calls = sum(each["kind"] == "api" for each in within)
    functions = [each for each in within if each["kind"] == "lambda"]
    spent = sum(each["duration_ms"] + (each["init_ms"] or 0.0) for each in functions)
    price = transitions * TRANSITION + len(functions) * REQUEST + spent / 1000 * MEMORY_GB * GB_SECOND
    return {"api_calls": calls, "lambda_ms": round(spent, 1), "cost_usd": round(price, 6)}
