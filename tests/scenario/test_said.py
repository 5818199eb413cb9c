"""What the product has said: found wherever an operator would look, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenario import said
from scenario.mailbox import token_of
from scenario.violations import Span, attribute, unmet


def entered(name: str) -> dict[str, Any]:
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": name}}


def succeeded(output: str) -> dict[str, Any]:
    return {"type": "TaskSucceeded", "taskSucceededEventDetails": {"output": output}}


HISTORY = [
    *(entered("Plan"), succeeded("vol-plan"), entered("Report the failure"), succeeded("vol-report")),
    *({"type": "FailStateEntered", "stateEnteredEventDetails": {"name": "Failed"}}, succeeded("vol-late")),
]


class Sfn:
    """GetExecutionHistory in pages of two."""

    @staticmethod
    def get_execution_history(executionArn: str, maxResults: int, nextToken: str = "0") -> dict[str, Any]:
        assert executionArn == "arn" and maxResults == 1000
        start = int(nextToken)
        more = {"nextToken": str(start + 2)} if start + 2 < len(HISTORY) else {}
        return {"events": HISTORY[start : start + 2], **more}


def execution(machine: str = "mirrorsnap-restore", **fields: Any) -> dict[str, Any]:
    return {"arn": "arn", "machine": machine, "input": "{}", "output": None, "cause": None, **fields}


def test_only_reports_count_in_a_history() -> None:
    assert said.reports(HISTORY) == ["vol-report"]
    assert said.everything(Sfn, [execution()]).split() == ["vol-report"]
    assert said.everything(Sfn, [execution("mirrorsnap-converge")]).split() == []


def test_outputs_and_causes_count() -> None:
    text = said.everything(Sfn, [execution("x", output="vol-out"), execution("y", cause="vol-cause")])
    assert text.split() == ["vol-out", "vol-cause"]


def test_releases_are_known_by_their_input() -> None:
    each = [execution(input='{"release": "r"}', output="vol-1"), execution(input='{"rollback": "r"}', output="vol-2")]
    assert said.releases([*each, execution(input="no JSON", output="vol-3")]) == "vol-1"


@pytest.mark.parametrize(
    ("output", "found"), [('{"id": "orders-1"}', "orders-1"), ('{"id": null}', None), ("[]", None), (None, None)]
)
def test_the_id_that_an_execution_has_said(output: str | None, found: str | None) -> None:
    assert said.identity(execution(output=output)) == found


def test_a_question_is_a_mail_with_a_task_token() -> None:
    def mail(text: str) -> str:
        return json.dumps({"Type": "Notification", "Message": text})

    assert token_of(mail("devices do not match. Answer with the task token AAAA+b/c=. Without one")) == "AAAA+b/c="
    assert token_of(mail("no capacity to start server1")) is None
    assert token_of("{}") is None


def test_a_violation_belongs_to_the_step_that_had_begun_last_unless_one_expects_it() -> None:
    spans = [Span(0, 0, 5), Span(1, 10, None, [3, 4]), Span(2, 20, 22), Span(3, 40, 50, [3])]
    assert attribute(spans, 3, 2, "early") == 0
    assert attribute(spans, 5, 21, "another oracle") == 2
    assert attribute(spans, 3, 21, "as expected") is None
    assert spans[1].seen == [(3, "as expected")]
    assert unmet(spans[1]) == ["oracle 4 was not violated, expected to be"]
    assert unmet(spans[3]) == ["oracle 3 was not violated, expected to be"]
    assert unmet(spans[0]) == []
    spans[1].end = 30
    assert attribute(spans, 4, 31, "too late") == 2
