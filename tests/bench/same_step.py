import json
import os
import urllib.request

import boto3

RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
ssm, ec2 = boto3.client("ssm"), boto3.client("ec2")


def handle(event):
    """create-volumes, mode check (functions/src/functions/create_volumes.rs)."""
    name = f"/mirrorsnap/clusters/{event['cluster']}"
    json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    made = event["made"]
    shown = ec2.describe_volumes(VolumeIds=[each["new"] for each in made])["Volumes"]
    by_id = {each["VolumeId"]: each for each in shown}
    if not made or len(made) != len(event["volumes"]):
        raise ValueError(f"{len(made)} volumes were made of {len(event['volumes'])}")
    ready = True
    for one in made:
        volume = by_id.get(one["new"])
        if volume is None or volume["State"] == "creating":
            ready = False
        elif volume.get("SnapshotId") not in (None, "", one["snapshot"]):
            raise ValueError(f"{one['new']} was made from {volume['SnapshotId']}")
        elif volume["State"] not in ("available", "in-use"):
            raise ValueError(f"{one['new']} is {volume['State']}")
    return {"ready": ready}


while True:
    with urllib.request.urlopen(f"{RUNTIME}/next") as call:
        request_id, event = call.headers["Lambda-Runtime-Aws-Request-Id"], json.load(call)
    try:
        path, answer = "response", handle(event)
    except Exception as error:  # as the runtime reports whatever a handler raises
        path, answer = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
    data = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(f"{RUNTIME}/{request_id}/{path}", data, method="POST")).close()
