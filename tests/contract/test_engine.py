"""The engine probe: 23 semantics of the language that stock ministack and moto get wrong or right by halves, and the
API around them. A pin or a patch must not silently undo one of them."""

from __future__ import annotations

import json

from fixtures.machines import chain, jsonata, one


def ok(result, output):
    assert (result["status"], result.get("output")) == ("SUCCEEDED", output), result.get("cause")


def failed(result, error):
    assert (result["status"], result.get("error")) == ("FAILED", error), result


PASS = {"Type": "Pass"}
CHILD = {"Type": "Pass", "Result": {"z": 1}, "End": True}


def test_01_succeed_output(engine):
    ok(engine.run(jsonata(one({"Type": "Succeed", "Output": {"a": "{% $states.input.x %}"}})), {"x": 1}), {"a": 1})


def test_02_output_does_not_see_the_states_own_assign(engine):
    machine = chain(
        {**PASS, "Assign": {"v": 1}},
        {**PASS, "Assign": {"v": "{% $v + 1 %}"}, "Output": "{% $v %}"},
        {**PASS, "Output": {"old": "{% $states.input %}", "new": "{% $v %}"}},
    )
    ok(engine.run(jsonata(machine)), {"old": 1, "new": 2})


def test_03_choice_assigns_and_outputs(engine):
    rule = {
        "Condition": "{% $states.input.x > 3 %}",
        "Assign": {"big": True},
        "Output": {"y": "{% $states.input.x %}"},
        "Next": "B",
    }
    machine = chain(
        # the state's own Output is for no match alone, even where the Default is the same state
        {"Type": "Choice", "Choices": [rule], "Default": "B", "Assign": {"big": False}, "Output": {"y": -1}},
        {**PASS, "Output": {"b": "{% $big %}", "y": "{% $states.input.y %}"}},
    )
    ok(engine.run(jsonata(machine), {"x": 5}), {"b": True, "y": 5})
    ok(engine.run(jsonata(machine), {"x": 1}), {"b": False, "y": -1})


def test_04_map_items_selector_and_outer_variables(engine):
    processor = one({**PASS, "Output": "{% $states.input.x * $k + $states.input.i %}", "End": True}, "Item")
    item = "{% $states.context.Map.Item.Value %}"
    index = "{% $states.context.Map.Item.Index %}"
    machine = chain(
        {**PASS, "Assign": {"k": 10}},
        {
            "Type": "Map",
            "Items": "{% $states.input.v %}",
            "MaxConcurrency": 2,
            "ItemSelector": {"x": item, "i": index},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **processor},
            "Output": {"r": "{% $states.result %}"},
        },
    )
    ok(engine.run(jsonata(machine), {"v": [1, 2, 3]}), {"r": [10, 21, 32]})


def test_05_parallel_output(engine):
    branches = [
        one({**PASS, "Output": 1, "End": True}, "L"),
        one({**PASS, "Output": "{% 1 + 1 %}", "End": True}, "R"),
    ]
    machine = chain({"Type": "Parallel", "Branches": branches, "Output": {"s": "{% $sum($states.result) %}"}})
    ok(engine.run(jsonata(machine)), {"s": 3})


def test_06_fail_expressions(engine):
    machine = one({"Type": "Fail", "Error": "{% 'E' & $states.input.n %}", "Cause": "{% $states.input.c %}"})
    result = engine.run(jsonata(machine), {"n": "1", "c": "why"})
    failed(result, "E1")
    assert result["cause"] == "why"


def test_07_catch_assigns_and_outputs_the_error(engine):
    catcher = {
        "ErrorEquals": ["X"],
        "Assign": {"e": "{% $states.errorOutput.Error %}"},
        "Output": {"c": "{% $states.errorOutput.Cause %}", "in": "{% $states.input.a %}"},
        "Next": "B",
    }
    branch = one({"Type": "Fail", "Error": "X", "Cause": "y"}, "Boom")
    machine = chain(
        {"Type": "Parallel", "Branches": [branch], "Catch": [catcher]},
        {**PASS, "Output": {"e": "{% $e %}", "c": "{% $states.input.c %}", "in": "{% $states.input.in %}"}},
    )
    ok(engine.run(jsonata(machine), {"a": 1}), {"e": "X", "c": "y", "in": 1})


def test_08_task_arguments_output_and_assign(engine):
    create = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ec2:createVolume",
        "Arguments": {"AvailabilityZone": "ap-northeast-1a", "Size": "{% $states.input.s %}"},
        "Assign": {"vid": "{% $states.result.VolumeId %}"},
        "Output": {"sz": "{% $states.result.Size %}"},
    }
    describe = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes",
        "Arguments": {"VolumeIds": "{% [$vid] %}"},
        "Output": {
            "n": "{% $count($states.result.Volumes) %}",
            "sz": "{% $states.input.sz %}",
            "ok": "{% $states.result.Volumes[0].VolumeId = $vid %}",
        },
    }
    ok(engine.run(jsonata(chain(create, describe)), {"s": 3}), {"n": 1, "sz": 3, "ok": True})


def test_09_wait_expressions(engine, lab):
    machine = chain(
        {"Type": "Wait", "Seconds": "{% $states.input.s %}"},
        {"Type": "Wait", "Timestamp": "{% '2020-01-01T00:00:00Z' %}"},
    )
    execution = engine.start(jsonata(machine), {"s": 3})
    ok(engine.end(execution), {"s": 3})
    assert 3 <= engine.took(execution) < 3 + lab.scale


def test_10_task_timeout_of_a_callback(engine, lab):
    entry = {"Source": "a", "DetailType": "b", "Detail": {"t": "{% $states.context.Task.Token %}"}}
    wait = {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents.waitForTaskToken",
        "Arguments": {"Entries": [entry]},
        "TimeoutSeconds": "{% $states.input.s %}",
        "Catch": [
            {"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput.Error %}", "Next": "B"},
        ],
    }
    execution = engine.start(jsonata(chain(wait, PASS)), {"s": 5})
    ok(engine.end(execution), "States.Timeout")
    assert 5 <= engine.took(execution) < 5 + lab.scale


def test_11_undefined_is_an_error(engine):
    machine = one({**PASS, "Output": "{% $states.input.nope %}", "End": True})
    failed(engine.run(jsonata(machine)), "States.QueryEvaluationError")


def test_12_functions_of_step_functions(engine):
    output = {
        "p": "{% $parse('[1]')[0] %}",
        "r": "{% $range(1,5,2) %}",
        "pt": "{% $partition([1,2,3],2) %}",
        "h": "{% $hash('a','SHA-1') %}",
        "u": "{% $length($uuid()) %}",
    }
    sha1 = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
    expected = {"p": 1, "r": [1, 3, 5], "pt": [[1, 2], [3]], "h": sha1, "u": 36}
    ok(engine.run(jsonata(one({**PASS, "Output": output, "End": True}))), expected)


def test_13_higher_order_functions(engine):
    expression = "{% $map($filter($states.input.v,function($x){$x.s='ok'}),function($x){$x.id}) %}"
    items = [{"id": "a", "s": "ok"}, {"id": "b", "s": "no"}, {"id": "c", "s": "ok"}]
    ok(engine.run(jsonata(one({**PASS, "Output": expression, "End": True})), {"v": items}), ["a", "c"])


def test_14_variables_in_jsonpath(engine):
    machine = chain(
        {**PASS, "Assign": {"v.$": "$.a", "w": {"z.$": "$.a"}}},
        {"Type": "Choice", "Choices": [{"Variable": "$v", "NumericEquals": 42, "Next": "C"}], "Default": "D"},
        {**PASS, "Parameters": {"q.$": "$v", "r.$": "$w.z", "f.$": "States.Format('{}',$v)"}},
        {"Type": "Fail"},
    )
    machine["States"]["C"] = {k: v for k, v in machine["States"]["C"].items() if k != "Next"} | {"End": True}
    ok(engine.run(machine, {"a": 42}), {"q": 42, "r": 42, "f": "42"})


def test_15_retry_with_a_maximal_delay(engine):
    branch = one({"Type": "Fail", "Error": "X"}, "Boom")
    retry = {"ErrorEquals": ["X"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 5, "MaxDelaySeconds": 2}
    execution = engine.start(one({"Type": "Parallel", "Branches": [branch], "Retry": [retry], "End": True}))
    failed(engine.end(execution), "X")
    assert 3 <= engine.took(execution) < 6


def test_16_distributed_map_beyond_the_tolerated_failures(engine):
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Item",
        "States": {
            "Item": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Boom"}],
                "Default": "Fine",
            },
            "Boom": {"Type": "Fail", "Error": "Q"},
            "Fine": {"Type": "Succeed"},
        },
    }
    state = {"Type": "Map", "ItemsPath": "$.v", "ItemProcessor": processor, "End": True}
    strict = one({**state, "ToleratedFailureCount": 0})
    failed(engine.run(strict, {"v": [1]}), "States.ExceedToleratedFailureThreshold")
    lenient = one({**state, "ToleratedFailureCount": 1})
    assert engine.run(lenient, {"v": [1, 2]})["status"] == "SUCCEEDED"
    failed(engine.run(lenient, {"v": [1, 2, 1]}), "States.ExceedToleratedFailureThreshold")


def test_17_result_selector_result_path_output_path(engine):
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes",
        "Parameters": {"MaxResults": 5},
        "ResultSelector": {"t.$": "States.ArrayContains(States.Array(1,2),2)"},
        "ResultPath": "$.r",
        "OutputPath": "$.r",
    }
    ok(engine.run(chain(task), {"a": 1}), {"t": True})


def test_18_a_path_that_selects_nothing(engine):
    assert engine.run(one({**PASS, "Parameters": {"a.$": "$.nope"}, "End": True}))["status"] == "FAILED"


def test_19_timeout_of_the_machine(engine, lab):
    execution = engine.start(one({"Type": "Wait", "Seconds": 600, "End": True}, TimeoutSeconds=5))
    assert engine.end(execution)["status"] == "TIMED_OUT"
    assert engine.events(execution)[-1]["event"] == "ExecutionTimedOut"
    assert 5 <= engine.took(execution) < 5 + lab.scale


def test_20_a_failing_branch_cancels_its_siblings(engine, lab):
    branches = [one({"Type": "Fail", "Error": "X"}, "Boom"), one({"Type": "Wait", "Seconds": 600, "End": True}, "Long")]
    execution = engine.start(one({"Type": "Parallel", "Branches": branches, "End": True}))
    failed(engine.end(execution), "X")
    assert engine.took(execution) < lab.scale


def test_21_error_name_of_an_sdk_integration(engine):
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes"}
    failed(engine.run(chain({**task, "Parameters": {"VolumeIds": ["vol-0123456789abcdef0"]}})), "Ec2.Ec2Exception")


def test_22_sync_2_gives_the_childs_output_as_json(engine):
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2"}
    parameters = {"StateMachineArn": engine.make(one(CHILD))}
    ok(engine.run(chain({**task, "Parameters": parameters, "OutputPath": "$.Output"})), {"z": 1})


def test_23_sync_2_of_a_failing_child(engine):
    child = engine.make(one({"Type": "Fail", "Error": "CE", "Cause": 'says "no"'}))
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2"}
    result = engine.run(chain({**task, "Parameters": {"StateMachineArn": child}}))
    failed(result, "States.TaskFailed")
    described = json.loads(result["cause"])
    assert (described["Status"], described["Error"], described["Cause"]) == ("FAILED", "CE", 'says "no"')


def test_24_definition_of_an_execution_and_its_history(engine):
    machine = engine.make(one({**PASS, "Result": 1, "End": True}))
    execution = engine.start(machine)
    engine.end(execution)
    sfn = engine.sfn
    assert sfn.describe_state_machine_for_execution(executionArn=execution)["stateMachineArn"] == machine
    history = sfn.get_execution_history(executionArn=execution, reverseOrder=True, includeExecutionData=True)["events"]
    types = ["ExecutionSucceeded", "PassStateExited", "PassStateEntered", "ExecutionStarted"]
    assert [event["type"] for event in history] == types
    assert [event["id"] for event in history] == [4, 3, 2, 1]
    assert history[1]["stateExitedEventDetails"]["output"] == "1"


def test_25_update_publish_and_alias(engine):
    sfn = engine.sfn
    machine = engine.make(one({**PASS, "Result": 1, "End": True}))
    sfn.update_state_machine(stateMachineArn=machine, definition=json.dumps(one({**PASS, "Result": 2, "End": True})))
    version = sfn.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    routing = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=routing)["stateMachineAliasArn"]
    sfn.update_state_machine(stateMachineArn=machine, definition=json.dumps(one({**PASS, "Result": 3, "End": True})))
    through_alias = engine.run(alias)
    ok(through_alias, 2)  # the version that the alias names, not the newest definition
    assert (through_alias["stateMachineAliasArn"], through_alias["stateMachineVersionArn"]) == (alias, version)
    ok(engine.run(machine), 3)


def test_values_reach_an_expression_as_they_are(engine):
    """moto pastes values into the source text, where a quotation mark ends the expression."""
    value = {"s": 'a "quoted" \\ text\n{% x %}', "n": None, "l": [7], "o": [], "b": False, "big": 12345678901}
    machine = chain(
        {**PASS, "Assign": {"v": "{% $states.input.s %}", "n": "{% $states.input.n %}"}},
        {**PASS, "Output": {"v": "{% $v %}", "n": "{% $n %}", "i": "{% $states.input %}", "e": "{% $n = null %}"}},
    )
    ok(engine.run(jsonata(machine), value), {"v": value["s"], "n": None, "i": value, "e": True})
    ok(engine.run(jsonata(one({**PASS, "Output": "{% $states.input & '!' %}", "End": True})), 'say "hi"'), 'say "hi"!')


def test_definite_paths_are_scalars(engine):
    value = {"x": [{"y": 1}, {"y": 2}]}
    parameters = {"one.$": "$.x[0].y", "all.$": "$.x[*].y", "some.$": "$.x[?(@.y == 2)].y"}
    ok(engine.run(one({**PASS, "Parameters": parameters, "End": True}), value), {"one": 1, "all": [1, 2], "some": [2]})


def test_no_choice_matched(engine):
    rule = {"Variable": "$.x", "NumericEquals": 1, "Next": "B"}
    failed(engine.run(chain({"Type": "Choice", "Choices": [rule]}, PASS), {"x": 2}), "States.NoChoiceMatched")


def test_item_is_visible_inside_a_task_of_the_iteration(engine):
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes",
        "Arguments": {"Filters": [{"Name": "volume-id", "Values": "{% [$states.context.Map.Item.Value] %}"}]},
        "Output": "{% $states.context.Map.Item.Index %}",
        "End": True,
    }
    state = {"Type": "Map", "Items": ["vol-0a", "vol-0b"], "ItemProcessor": one(task, "Look"), "End": True}
    ok(engine.run(jsonata(one(state))), [0, 1])
