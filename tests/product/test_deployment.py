"""The stack: a failed first deployment is repeated, two stacks do not meet, documents stay what they were."""

from __future__ import annotations

import copy
import fnmatch
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario import deployment
from scenario.product import Product, wait_until_up

# What `make deploy` remembers, apart from the user's own.
CONFIG = tempfile.mkdtemp(prefix="mirrorsnap-config-")
OTHER = f"{deployment.STACK}-test"  # begins like the first one's name
IMPOSSIBLE = {
    "Type": "AWS::Lambda::Function",
    "DependsOn": ["Table", "BackupStateMachine", "HoldDocument"],
    "Properties": {
        "Runtime": "provided.al2023",
        "Handler": "x",
        "Role": "arn:aws:iam::000000000000:role/nobody",
        "Code": {"S3Bucket": deployment.BUCKET, "S3Key": "nothing.zip"},
    },
}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A stack whose first creation failed, and was repeated."""
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}))
        made.deploy(deploy=fail_once)
        wait_until_up(lab)
        yield made


def fail_once(lab: Lab, say: deployment.Say) -> None:
    deployment.prepare(lab, say)
    template = deployment.packed(lab)
    broken = copy.deepcopy(template)
    broken["Resources"]["Impossible"] = IMPOSSIBLE
    assert deployment.put(lab, broken) == "ROLLBACK_COMPLETE"
    cloudformation = lab.boto("cloudformation")
    cloudformation.delete_stack(StackName=deployment.STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=deployment.STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert deployment.put(lab, template) == "CREATE_COMPLETE"


def ended(product: Product, arn: str) -> dict[str, Any]:
    return product.ended(arn, 120 * product.lab.scale).main


def resources(lab: Lab, stack: str) -> dict[str, str]:
    pages = lab.boto("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for p in pages for r in p["StackResourceSummaries"]}


def allowed(lab: Lab, stack: str) -> Iterator[tuple[str, str]]:
    """(role, ARN pattern) of every resource that the stack's roles may use."""
    iam = lab.boto("iam")
    for name in resources(lab, stack).values():
        if not any(role["RoleName"] == name for role in iam.list_roles(MaxItems=1000)["Roles"]):
            continue
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                of = statement["Resource"]
                for arn in [of] if isinstance(of, str) else of:
                    yield name, arn


def test_a_backup_runs_after_a_failed_first_deployment(product: Product) -> None:
    found = ended(product, product.start("backup", {}))
    assert found["status"] == "SUCCEEDED" and len(product.valid_backups()) == 1


def test_a_second_stack_shares_nothing_with_the_first(product: Product) -> None:
    lab = product.lab
    assert deployment.put(lab, deployment.packed(lab), OTHER) == "CREATE_COMPLETE"
    first, second = resources(lab, deployment.STACK), resources(lab, OTHER)
    assert first.keys() == second.keys() and not set(first.values()) & set(second.values())
    # No pattern of the first stack's roles fits a resource of the second, nor the other way.
    for mine, others in ((deployment.STACK, OTHER), (OTHER, deployment.STACK)):
        patterns = {arn for _, arn in allowed(lab, mine) if mine in arn}
        kinds = ("document", "stateMachine", "table", "function", "execution", "parameter")
        assert {kind for kind in kinds if any(re.search(rf":{kind}[:/]", p) for p in patterns)} == set(kinds)
        account = f"{lab.region}:000000000000"
        names = resources(lab, others).values()
        machines = ("backup", "restore", "converge", "recover", "hold", "copy")
        theirs = [
            *(name if name.startswith("arn:") else f"arn:aws:x:{account}:x/{name}" for name in names),
            *(f"arn:aws:ssm:{account}:document/{name}" for name in names),
            *(f"arn:aws:states:{account}:execution:{others}-{machine}:x" for machine in machines),
            f"arn:aws:ssm:{account}:parameter/{others}/clusters/orders",
            f"arn:aws:dynamodb:{account}:table/{others}",
        ]
        for pattern in patterns:
            assert not [arn for arn in theirs if fnmatch.fnmatchcase(arn, pattern)], pattern


def test_each_stack_has_its_own_clusters(product: Product) -> None:
    arn = f"arn:aws:states:{product.lab.region}:000000000000:stateMachine:{OTHER}-backup"
    execution = product.sfn.start_execution(
        stateMachineArn=arn, input=json.dumps({"cluster": product.cluster, "dry_run": True})
    )["executionArn"]
    found = ended(product, execution)
    assert found["status"] == "FAILED" and found["error"] == "ClusterNotFound"
    assert f"/{OTHER}/clusters/{product.cluster}" in found["cause"]


def test_whoever_changes_a_documents_default_version_runs_nothing_on_the_nodes(product: Product) -> None:
    ssm = product.ssm
    name = resources(product.lab, deployment.STACK)["ObserveDocument"]
    content = json.loads(ssm.get_document(Name=name)["Content"])
    content["mainSteps"][0]["inputs"]["runCommand"] = ["touch /tmp/changed", "exit 1"]
    new = ssm.update_document(Name=name, Content=json.dumps(content), DocumentVersion="$LATEST")
    version = new["DocumentDescription"]["DocumentVersion"]
    ssm.update_document_default_version(Name=name, DocumentVersion=version)
    found = ended(product, product.start("backup", {"dry_run": True}))
    assert found["status"] == "SUCCEEDED", found
    assert product.lab.log(kind="command", document=name, status="Success")


def test_an_update_replaces_the_document_that_changed_and_no_other(product: Product) -> None:
    lab, count = product.lab, len(product.valid_backups())
    before = resources(lab, deployment.STACK)
    template = deployment.packed(lab)
    document = template["Resources"]["FenceDocument"]["Properties"]
    document["Content"]["mainSteps"][0]["inputs"]["runCommand"].insert(1, ": changed")
    document["Name"] = {"Fn::Sub": "${AWS::StackName}.fence.00000000"}
    assert deployment.put(lab, template, update=True) == "UPDATE_COMPLETE"
    after = resources(lab, deployment.STACK)
    documents = {name for name in before if name.endswith("Document")}
    assert {name for name in documents if before[name] != after[name]} == {"FenceDocument"}
    found = ended(product, product.start("backup", {}))
    assert found["status"] == "SUCCEEDED" and len(product.valid_backups()) == count + 1


def deploy(product: Product, *parameters: str) -> subprocess.Popen[str]:
    """`make deploy`, without the build."""
    script = deployment.ROOT / "infra" / "deploy.py"
    arguments = ["--bucket", deployment.BUCKET, *parameters]
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        env={
            **os.environ,
            **product.lab.environment,
            "AWS_EC2_METADATA_DISABLED": "true",
            "XDG_CONFIG_HOME": CONFIG,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def on_a_terminal(product: Product, stack: str, *answers: str) -> tuple[int, str]:
    """`make deploy` of that stack with nothing said before, each question answered by the next of the answers."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(deployment.ROOT / "infra" / "deploy.py"), "--stack", stack],
        env={**os.environ, **product.lab.environment, "AWS_EC2_METADATA_DISABLED": "true", "XDG_CONFIG_HOME": CONFIG},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    said, left = "", list(answers)
    while True:
        try:
            read = os.read(master, 4096).decode(errors="replace")
        except OSError:  # how Linux says that the other end is closed
            break
        if not read:
            break
        said += read
        if left and re.search(r"(: |\] )$", said):
            os.write(master, f"{left.pop(0)}\n".encode())
    os.close(master)
    assert left == [], said
    return process.wait(60), said


def test_the_first_deployment_asks_and_the_next_one_remembers(product: Product) -> None:
    cloudformation = product.lab.boto("cloudformation")
    code, said = on_a_terminal(product, "guided", "guided-artifacts", "ops@example.com", "y", "n")
    assert code == 1 and "There is no bucket guided-artifacts" in said and "nothing was changed" in said, said
    assert "add       16 AWS::Lambda::Function" in said, said
    # The bucket and the address are known now. What was declined left nothing that is in the way.
    code, said = on_a_terminal(product, "guided", "y")
    assert code == 0 and "stack guided is CREATE_COMPLETE" in said, said
    assert "mirrorsnap cluster add --region ap-northeast-1 --stack guided" in said
    parameters = cloudformation.describe_stacks(StackName="guided")["Stacks"][0]["Parameters"]
    assert {"ParameterKey": "AlarmEmail", "ParameterValue": "ops@example.com"} in parameters


def lock(product: Product) -> dict[str, Any]:
    key = {"id": {"S": f"lock#{product.cluster}"}}
    return (
        product.lab.boto("dynamodb").get_item(TableName=deployment.STACK, Key=key, ConsistentRead=True).get("Item", {})
    )


def test_no_update_while_an_operation_runs(product: Product) -> None:
    before = resources(product.lab, deployment.STACK)
    arn = product.start("backup", {})
    product.lab.wait_for(lambda: "intent" in lock(product), 100, "the backup's intent")
    done = deploy(product)
    said = done.communicate(timeout=300)[0]
    assert done.returncode == 1 and f"{product.cluster}: {arn} holds the lock" in said, said
    assert "Nothing was changed" in said and "hold" not in lock(product)
    assert ended(product, arn)["status"] == "SUCCEEDED"
    assert resources(product.lab, deployment.STACK) == before


def test_an_update_keeps_operations_away_and_gives_the_cluster_back(product: Product) -> None:
    # An operator's own hold is no obstacle, and stays.
    key = {"id": {"S": "lock#held"}}
    table = product.lab.boto("dynamodb")
    table.put_item(TableName=deployment.STACK, Item={**key, "hold": {"S": "Tanaka"}, "epoch": {"N": "1"}})
    # The change takes a minute of lab time, in which somebody starts a backup.
    product.lab.control("fault", spec={"call": "cloudformation:ExecuteChangeSet", "effect": {"delay": 60}})
    process = deploy(product, "LogRetentionDays=30")
    product.lab.wait_for(lambda: "hold" in lock(product), 3000, "the deployment's hold")
    refused = ended(product, product.start("backup", {}))
    assert refused["error"] == "OperatorHold" and "is being updated" in refused["cause"]
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    assert "AWS::Logs::LogGroup" in said and "mirrorsnap status --region" in said.rstrip().splitlines()[-1], said
    assert "hold" not in lock(product)
    assert table.get_item(TableName=deployment.STACK, Key=key)["Item"]["hold"] == {"S": "Tanaka"}
    cloudformation = product.lab.boto("cloudformation")
    stack = cloudformation.describe_stacks(StackName=deployment.STACK)["Stacks"][0]
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and stack["EnableTerminationProtection"]
    assert "Update:Replace" in cloudformation.get_stack_policy(StackName=deployment.STACK)["StackPolicyBody"]


def test_an_operation_that_began_under_the_old_functions_ends_under_the_new_ones(product: Product) -> None:
    """Whoever goes round `make deploy`: each call and each command of one release, the next ones of the other."""
    template = deployment.packed(product.lab)
    for step in ("LeaveBackupMode", "ResumeMonitors", "RecoverMirror"):
        document = template["Resources"][f"{step}Document"]["Properties"]
        document["Content"]["mainSteps"][0]["inputs"]["runCommand"].insert(1, ": of the next release")
        document["Name"] = {"Fn::Sub": document["Name"]["Fn::Sub"] + "0"}
    count = len(product.valid_backups())
    arn = product.start("backup", {})
    product.lab.wait_for(lambda: "intent" in lock(product), 100, "the backup's intent")
    assert deployment.put(product.lab, template, update=True) == "UPDATE_COMPLETE"
    assert ended(product, arn)["status"] == "SUCCEEDED"
    sent = {each["document"] for each in product.lab.log(kind="command")}
    assert [name for name in sent if re.search(r"\.leave-backup-mode\.[0-9a-f]{8}0$", name)]
    assert len(product.valid_backups()) == count + 1
    assert product.lab.control("oracles")["violations"] == []


def test_what_the_retention_no_longer_keeps_is_deleted(product: Product) -> None:
    before = product.valid_backups()
    assert len(before) > 1
    product.configure({"retention": {"keep_last": 1}})
    arn = product.start("backup", {})
    assert ended(product, arn)["status"] == "SUCCEEDED"
    kept = product.valid_backups()
    assert len(kept) == 1 and kept[0] not in before, kept
