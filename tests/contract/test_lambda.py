"""Functions in the lab: their environment, what AWS logs about them, their deaths, and that none outlives the lab."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from fixtures.functions import allow, function, invoke, log_lines, package, refused, role

from lab.client import eventually

REPORT = re.compile(
    r"REPORT RequestId: (?P<id>\S+)\tDuration: (?P<duration>[\d.]+) ms\tBilled Duration: (?P<billed>\d+) ms\t"
    r"Memory Size: (?P<size>\d+) MB\tMax Memory Used: (?P<used>\d+) MB"
    r"(\tInit Duration: (?P<init>[\d.]+) ms)?(?P<rest>.*)"
)


@pytest.fixture(scope="module")
def fn(lab):
    function(lab, "stack-fn", Environment={"Variables": {"OWN": "1", "INIT_SECONDS": "0.2"}})
    return "stack-fn"


def reports(lab, name):
    return [match for line in log_lines(lab, name) if (match := REPORT.match(line))]


def entries(lab, name):
    return lab.log(kind="lambda", function=name)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    return eventually(lambda: not alive(pid), f"the end of {pid}")


def test_cold_and_warm_are_reported_with_true_numbers(lab, fn):
    before = len(reports(lab, fn))
    lab.boto("lambda").update_function_code(FunctionName=fn, ZipFile=package())  # the next one is cold
    began = time.monotonic()
    first, _ = invoke(lab, fn, do="pid")
    called = (time.monotonic() - began) * 1000
    second, _ = invoke(lab, fn, do="pid")
    began = time.monotonic()
    invoke(lab, fn, do="sleep", seconds=0.3)
    slept_for = (time.monotonic() - began) * 1000
    cold, warm, slept = reports(lab, fn)[before:]
    assert first == second, "the second call must find the first one's process"
    assert float(cold["init"]) >= 200 and warm["init"] is None
    assert float(cold["init"]) + float(cold["duration"]) < called, "the init time is not part of the duration"
    assert 300 <= float(slept["duration"]) < slept_for
    assert int(slept["billed"]) >= float(slept["duration"]) and cold["size"] == "256"
    entry = entries(lab, fn)[-1]
    assert entry["outcome"] == "ok" and entry["init_ms"] is None and entry["request_id"] == slept["id"]
    assert entry["caller"].endswith(":root")


def test_peak_memory_is_this_process_own_and_a_peak(lab, fn):
    function(lab, "stack-big")
    invoke(lab, "stack-big", do="memory", mb=120)
    function(lab, "stack-early", Environment={"Variables": {"INIT_MB": "120"}})
    invoke(lab, "stack-early", do="echo")
    invoke(lab, fn, do="echo")
    big, early, small = (reports(lab, name)[-1] for name in ("stack-big", "stack-early", fn))
    assert 120 <= int(big["used"]) < 200
    assert 120 <= int(early["used"]) < 200, "freed before the event came, yet a peak"
    assert 5 <= int(small["used"]) < 60


def test_environment_is_lambdas_not_the_labs(lab, fn):
    env, _ = invoke(lab, fn, do="env")
    assert env["AWS_LAMBDA_FUNCTION_NAME"] == fn and env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "ap-northeast-1"
    assert env["_HANDLER"] == "x" and env["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/stack-fn"
    assert (Path(env["LAMBDA_TASK_ROOT"]) / "bootstrap").exists()
    assert env["AWS_ENDPOINT_URL"] == lab.endpoint and env["OWN"] == "1"
    assert env["AWS_ACCESS_KEY_ID"].startswith("ASIA") and env["AWS_SESSION_TOKEN"]
    leaked = set(env) & {"PYTHONPATH", "HOME", "AUTH", "GATEWAY_PORT", "MINISTACK_REGION", "USER"}
    assert not leaked


def test_the_role_reaches_the_process_and_binds_it(lab):
    function(lab, "stack-role", allow("sns:CreateTopic"))
    assert invoke(lab, "stack-role", do="call", service="sns", method="create_topic", arguments={"Name": "t"})[0]["ok"]
    denied, _ = invoke(lab, "stack-role", do="call", service="sqs", method="list_queues")
    assert not denied["ok"] and denied["code"] in ("AccessDenied", "AccessDeniedException")
    caller = lab.log(kind="api", call="sns:CreateTopic")[-1]["caller"]
    assert caller.endswith(":assumed-role/stack-role-role/stack-role")


def test_a_role_that_lambda_cannot_assume_is_refused(lab):
    other = role(lab, "not-for-lambda", service="states.amazonaws.com")
    create = lab.boto("lambda").create_function
    arguments = {"FunctionName": "no", "Runtime": "provided.al2023", "Handler": "x", "Code": {"ZipFile": package()}}
    assert refused(create, Role=other, **arguments) == "InvalidParameterValueException"


def test_errors_carry_their_own_name_and_the_process_lives_on(lab, fn):
    pid, _ = invoke(lab, fn, do="pid")
    body, error = invoke(lab, fn, do="fail", text="no such disk")
    assert (body["errorType"], body["errorMessage"], error) == ("ValueError", "no such disk", "Unhandled")
    assert entries(lab, fn)[-1]["outcome"] == "error" and entries(lab, fn)[-1]["error"] == "ValueError"
    assert invoke(lab, fn, do="pid")[0] == pid


def test_a_process_that_exits_is_an_exit_error_and_the_next_call_is_cold(lab, fn):
    body, error = invoke(lab, fn, do="exit", code=3)
    assert body["errorType"] == "Runtime.ExitError" and body["errorMessage"].endswith("exit status 3") and error
    assert entries(lab, fn)[-1]["outcome"] == "crashed"
    invoke(lab, fn, do="echo")
    assert entries(lab, fn)[-1]["init_ms"] >= 200


def test_a_process_that_never_gets_up_is_a_crash(lab):
    function(lab, "stack-broken", Environment={"Variables": {"INIT_EXIT": "7"}})
    body, error = invoke(lab, "stack-broken", do="echo")
    assert error and body["errorType"] == "Runtime.ExitError"
    assert entries(lab, "stack-broken")[-1]["outcome"] == "crashed"


def test_timeout_is_in_lab_time_and_ends_the_process(lab):
    function(lab, "stack-slow", Timeout=20)
    pid, _ = invoke(lab, "stack-slow", do="pid")
    child, _ = invoke(lab, "stack-slow", do="child")
    started = lab.now()
    body, error = invoke(lab, "stack-slow", do="sleep", seconds=600)
    assert 20 <= lab.now() - started < 40
    assert body["errorType"] == "Sandbox.Timedout" and "timed out after 20.00 seconds" in body["errorMessage"] and error
    assert entries(lab, "stack-slow")[-1]["outcome"] == "timeout"
    assert gone(pid) and gone(child)


def test_what_it_prints_is_in_the_log_between_start_and_end(lab, fn):
    invoke(lab, fn, do="print", text="hello from inside")
    lines = log_lines(lab, fn)
    at = lines.index("hello from inside")
    request = entries(lab, fn)[-1]["request_id"]
    assert lines[at - 1].startswith(f"START RequestId: {request}") and lines[at + 1] == f"END RequestId: {request}"


@pytest.mark.parametrize("effect, touched", [("crash_before", False), ("crash_after", True)])
@pytest.mark.parametrize("name", ["stack-fn", "fn"])
def test_crash_faults(lab, fn, tmp_path, name, effect, touched):
    lab.fault(function=name, effect=effect)
    mark = tmp_path / "mark"
    body, error = invoke(lab, fn, do="touch", path=str(mark))
    assert error and body["errorType"] == "Runtime.ExitError" and entries(lab, fn)[-1]["outcome"] == "crashed"
    assert mark.exists() is touched
    assert invoke(lab, fn, do="touch", path=str(mark))[1] is None, "the fault fires once"


def test_a_fault_for_another_function_is_left_alone(lab, fn):
    fault = lab.fault(function="n", effect="crash_before")
    assert invoke(lab, fn, do="echo")[1] is None
    lab.control("clear_faults", id=fault)


def test_an_asynchronous_call_is_repeated_in_lab_time(fresh_lab):
    lab = fresh_lab(scale=40)
    function(lab, "stack-async")
    lab.fault(function="stack-async", effect="crash_before", times=2)
    lab.boto("lambda").invoke(FunctionName="stack-async", InvocationType="Event", Payload=json.dumps({"do": "echo"}))
    lab.wait_for(lambda: len(entries(lab, "stack-async")) >= 3, 600, "two repeats")
    tries = entries(lab, "stack-async")
    assert [t["outcome"] for t in tries] == ["crashed", "crashed", "ok"]
    assert 60 <= tries[1]["t"] - tries[0]["t"] < 110 and 120 <= tries[2]["t"] - tries[1]["t"] < 180


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_function_outlives_the_lab(fresh_lab, how):
    lab = fresh_lab()
    function(lab, "stack-left")
    pid, _ = invoke(lab, "stack-left", do="pid")
    child, _ = invoke(lab, "stack-left", do="child")
    task_root = invoke(lab, "stack-left", do="env")[0]["LAMBDA_TASK_ROOT"]
    home = Path(task_root)
    while not home.name.startswith("mirrorsnap-lab-"):
        home = home.parent
    assert alive(pid) and alive(child) and home.exists()
    os.kill(lab.process.pid, how)
    lab.process.wait(120)
    assert gone(pid) and gone(child)
    eventually(lambda: not home.exists(), "the end of the lab's home")
