"""The functions of a restore beside its outage, call by call: plan, volumes, fast snapshot restore, report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from function_driver import FunctionError, Functions

from lab.client import Lab

ZONES = {"server1": "ap-northeast-1a", "server2": "ap-northeast-1c"}
GP3, FAST = "L-7A658B76", "L-631ECBD3"
KEY = "arn:aws:kms:ap-northeast-1:000000000000:key/5c1a6a7e-0000-4000-8000-00000000c0de"
AT = "2026-05-01T02:03:04Z"
BACKUP = "orders-20260501T020304Z"
# The two nodes' volumes differ in all that a new volume takes from the one whose place it gets.
OF_SERVER1 = {"type": "gp3", "iops": 4000, "throughput": 250, "kms_key_id": KEY, "delete_on_termination": True}
OF_SERVER2 = {"type": "io2", "iops": 2000, "delete_on_termination": False}
DATA = {"device": "/dev/sdb", "size_gib": 20, "tags": {"team": "db", "mirrorsnap:attached": "true"}}
WORLD = {
    "nodes": {
        "server1": {"volumes": [{**DATA, **OF_SERVER1}]},
        "server2": {"volumes": [{**DATA, **OF_SERVER2}]},
    }
}


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    path = Path(tmp_path_factory.mktemp("lab")) / "world.json"
    path.write_text(json.dumps(WORLD))
    with Lab(scale=10, options=["--world", str(path)]) as lab:
        lab.wait_for(lambda: not lab.control("oracles")["residue"], 240, "a cluster without residue")
        functions = Functions(lab)
        functions.snapshot = backup(functions)
        yield functions


@pytest.fixture(autouse=True)
def as_it_was(functions: Functions) -> Iterator[None]:
    """Every test begins with free hands, the account's first quotas and no fast restore."""
    lab = functions.lab
    lab.control("clear_faults")
    functions.put_lock()
    yield
    lab.control("clear_faults")
    lab.control("quota", code=GP3, value=50)
    lab.control("quota", code=FAST, value=5)
    for zone in on(functions):
        call = {"SourceSnapshotIds": [functions.snapshot], "AvailabilityZones": [zone]}
        functions.ec2.disable_fast_snapshot_restores(**call)
    lab.wait_for(lambda: set(states(functions).values()) <= {"disabled"}, 30)


def backup(functions: Functions) -> str:
    """A snapshot with the catalogue's tags of a backup that was proved; its bytes do not matter here."""
    tags = {
        "mirrorsnap:cluster": "orders",
        "mirrorsnap:backup-id": BACKUP,
        "mirrorsnap:consistent-at": AT,
        "mirrorsnap:mirror-disks": "md1",
        "mirrorsnap:source-node": "server2",
        "mirrorsnap:set-size": "1",
        "mirrorsnap:valid": "true",
    }
    (volume,) = [v for v in volumes(functions) if v["VolumeId"] == attached(functions, "server2")]
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    made = functions.ec2.create_snapshot(
        VolumeId=volume["VolumeId"], TagSpecifications=[{"ResourceType": "snapshot", "Tags": pairs}]
    )
    describe = functions.ec2.describe_snapshots
    ids = [made["SnapshotId"]]
    functions.lab.wait_for(lambda: describe(SnapshotIds=ids)["Snapshots"][0]["State"] == "completed", 60)
    return made["SnapshotId"]


def volumes(functions: Functions, **tags: str) -> list[dict[str, Any]]:
    wanted = [{"Name": f"tag:mirrorsnap:{key}", "Values": [value]} for key, value in tags.items()]
    return functions.ec2.describe_volumes(Filters=wanted)["Volumes"]


def tags(volume: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in volume.get("Tags", [])}


def attached(functions: Functions, node: str, device: str = "/dev/sdb") -> str:
    instance = functions.instances[node]
    (found,) = [
        v["VolumeId"]
        for v in volumes(functions)
        for a in v["Attachments"]
        if (a["InstanceId"], a["Device"]) == (instance, device)
    ]
    return found


def states(functions: Functions) -> dict[str, str]:
    """Zone to state, of the backup's snapshot."""
    found = functions.ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"]
    return {r["AvailabilityZone"]: r["State"] for r in found if r["SnapshotId"] == functions.snapshot}


def on(functions: Functions) -> set[str]:
    return {zone for zone, state in states(functions).items() if not state.startswith("disab")}


def refused(name: str, call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(FunctionError) as caught:
        call(*args, **kwargs)
    assert caught.value.name == name, caught.value
    return str(caught.value)


def plan(functions: Functions, **event: Any) -> dict[str, Any]:
    given = {"backup": "latest", "dry_run": True, **event}
    return functions.call("plan-restore", mode="plan", cluster="orders", now=functions.now(), **given)


def begin(functions: Functions, **event: Any) -> dict[str, Any]:
    """A plan, with its intent in the lock."""
    found = plan(functions, **event)
    functions.put_lock(functions.epoch, intent=found["intent_json"])
    return found["plan"]


def create(functions: Functions, planned: dict[str, Any]) -> list[dict[str, Any]]:
    made = functions.on_orders("create-volumes", mode="create", volumes=planned["volumes"])["made"]
    check = {"mode": "check", "cluster": "orders", "volumes": planned["volumes"], "made": made}
    functions.lab.wait_for(lambda: functions.call("create-volumes", **check)["ready"], 30)
    return made


def calls(functions: Functions, since: int, *names: str) -> list[str]:
    return [e["call"] for e in functions.lab.log()[since:] if e["kind"] == "api" and e["call"] in names]


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_done_and_what_it_costs(functions: Functions) -> None:
    since = len(functions.lab.log())
    found = plan(functions)["plan"]
    assert (found["backup"], found["consistent_at"], found["source"]) == (BACKUP, AT, "server1")
    assert [each["phase"] for each in found["phases"]][:3] == ["PrepareVolumes", "Quiesce", "StopBoth"]
    outage = found["outage"]
    assert found["expected_outage_seconds"] == sum(part["seconds"] for part in outage["parts"]) > 60
    assert (outage["bound_seconds"], outage["adds"]) == (3600, True)
    how = found["initialization"]
    assert (how["initialization"], how["rate"]["cost_usd"], how["fsr"]["cost_usd"]) == ("rate", 0.14, 1.5)
    assert {"phase": "CheckDevices", "error": "DeviceMismatch"}.items() <= found["may_still_end"][-2].items()
    words = "\n".join(found["words"])
    assert "storage quota of gp3: " in words and "storage quota of io2: " in words
    assert "a bill may differ" in words and "an estimate" in words
    assert not calls(functions, since, "ec2:CreateVolume", "ec2:EnableFastSnapshotRestores", "dynamodb:UpdateItem")


def test_no_room_for_the_new_volumes_is_refused_before_anything_is_made(functions: Functions) -> None:
    since = len(functions.lab.log())
    used = sum(v["Size"] for v in volumes(functions) if v["VolumeType"] == "gp3")
    functions.lab.control("quota", code=GP3, value=(used + 19) / 1024)
    text = refused("QuotaExceeded", plan, functions)
    assert f"need 20 GiB of gp3, and {used} GiB of the region's quota of {used + 19} GiB are used" in text
    assert GP3 in text
    functions.lab.control("quota", code=GP3, value=(used + 20) / 1024)
    assert f"storage quota of gp3: {used + 20} of {used + 20} GiB" in "\n".join(plan(functions)["plan"]["words"])
    assert not calls(functions, since, "ec2:CreateVolume")


def test_a_quota_that_cannot_be_read_stops_no_restore(functions: Functions) -> None:
    functions.lab.fault(call="servicequotas:ListServiceQuotas", effect={"error": "AccessDeniedException"})
    words = "\n".join(plan(functions)["plan"]["words"])
    assert "storage quota of gp3: not known (servicequotas:ListServiceQuotas answered AccessDeniedException" in words


def test_no_fast_restore_is_left_in_the_quota(functions: Functions) -> None:
    functions.lab.control("quota", code=FAST, value=0)
    text = refused("QuotaExceeded", plan, functions, initialization="fsr")
    assert "would make it 1, and the quota is 0" in text
    assert plan(functions, initialization="auto")["plan"]["initialization"]["initialization"] == "rate"
    functions.lab.control("quota", code=FAST, value=1)
    assert len(plan(functions, initialization="fsr")["plan"]["fast_restores"]) == 2
    # Those of others count.
    other = functions.ec2.create_snapshot(VolumeId=attached(functions, "server1"))["SnapshotId"]
    call = {"SourceSnapshotIds": [other], "AvailabilityZones": [ZONES["server1"]]}
    functions.ec2.enable_fast_snapshot_restores(**call)
    text = refused("QuotaExceeded", plan, functions, initialization="fsr")
    assert "1 snapshot(s) of the region have fast snapshot restore on, this restore would make it 2" in text
    functions.ec2.disable_fast_snapshot_restores(**call)


# --- the volumes ------------------------------------------------------------------------------------------------------


def test_new_volumes_are_what_the_old_ones_are(functions: Functions) -> None:
    planned = begin(functions)
    made = create(functions, planned)
    assert functions.on_orders("create-volumes", mode="create", volumes=planned["volumes"])["made"] == made
    found = {v["VolumeId"]: v for v in volumes(functions)}
    assert [each["node"] for each in made] == ["server1", "server2"]
    for each in made:
        new, old = found[each["new"]], found[each["old"]]
        assert each["old"] == attached(functions, each["node"])
        for key in ("VolumeType", "Iops", "Throughput", "Encrypted", "KmsKeyId", "Size", "AvailabilityZone"):
            assert new.get(key) == old.get(key), key
        assert new["VolumeInitializationRate"] == 300
        assert tags(new)["team"] == "db" and "mirrorsnap:attached" not in tags(new)
    assert [each["delete_on_termination"] for each in made] == [True, False]
    first, second = (found[each["new"]] for each in made)
    assert (first["VolumeType"], first["Iops"], first["Throughput"], first["KmsKeyId"]) == ("gp3", 4000, 250, KEY)
    assert (second["VolumeType"], second["Iops"], second["Encrypted"]) == ("io2", 2000, False)
    functions.on_orders("create-volumes", mode="clean")


def test_clean_deletes_what_no_node_ever_had_and_nothing_else(functions: Functions) -> None:
    """An attached one, one that was attached, one that was replaced, one of another cluster, and two to delete."""
    ec2 = functions.ec2
    planned = begin(functions, initialization="none")
    first, second = (each["new"] for each in create(functions, planned))
    intent = json.loads(functions.dynamodb.get_item(TableName="mirrorsnap", Key={"id": {"S": "lock#orders"}})
        ["Item"]["intent"]["S"])["id"]  # fmt: skip

    def another(**extra: str) -> str:
        own = {"mirrorsnap:cluster": "orders", "mirrorsnap:restore-id": intent}
        pairs = [{"Key": key, "Value": value} for key, value in {**own, **extra}.items()]
        specification = [{"ResourceType": "volume", "Tags": pairs}]
        return ec2.create_volume(AvailabilityZone=ZONES["server1"], Size=1, TagSpecifications=specification)["VolumeId"]

    had = another(**{"mirrorsnap:attached": "true"})
    replaced = another(**{"mirrorsnap:replaced": "true"})
    foreign = another(**{"mirrorsnap:cluster": "billing"})
    held = another()
    functions.lab.wait_for(lambda: all(v["State"] != "creating" for v in volumes(functions, **{"restore-id": intent})))
    ec2.attach_volume(VolumeId=held, InstanceId=functions.instances["server1"], Device="/dev/sdz")
    creating = another()
    answer = functions.on_orders("create-volumes", mode="clean")
    assert set(answer["deleted"]) == {first, second, creating}
    assert set(answer["kept"]) == {had, replaced, foreign} and answer["in_place"] == [held]
    functions.lab.wait_for(lambda: len(volumes(functions, **{"restore-id": intent})) == 4, 30)
    assert functions.on_orders("create-volumes", mode="clean")["deleted"] == []
    ec2.detach_volume(VolumeId=held)
    functions.lab.wait_for(lambda: not [v for v in volumes(functions) if v["VolumeId"] == held and v["Attachments"]])
    for volume in (had, replaced, foreign, held):
        ec2.delete_volume(VolumeId=volume)


def test_clean_finds_volumes_that_describes_do_not_show_yet(functions: Functions) -> None:
    planned = begin(functions, initialization="none")
    made = functions.on_orders("create-volumes", mode="create", volumes=planned["volumes"])["made"]
    functions.lab.fault(call="ec2:DescribeVolumes", effect="stale")  # as of a time before they were made
    answer = functions.on_orders("create-volumes", mode="clean")
    assert set(answer["deleted"]) == {each["new"] for each in made}


def test_release_takes_our_tags_from_what_is_beside_the_nodes(functions: Functions) -> None:
    ec2, restore = functions.ec2, "orders-r-20260502T030405Z"

    def free(of: str) -> str:
        ours = {
            "mirrorsnap:cluster": "orders",
            "mirrorsnap:restore-id": of,
            "mirrorsnap:replaced": "true",
            "team": "db",
        }
        pairs = [{"Key": key, "Value": value} for key, value in ours.items()]
        specification = [{"ResourceType": "volume", "Tags": pairs}]
        return ec2.create_volume(AvailabilityZone=ZONES["server1"], Size=1, TagSpecifications=specification)["VolumeId"]

    mine, again = free(restore), free("orders-r-20260509T000000Z")
    functions.lab.wait_for(lambda: all(v["State"] != "creating" for v in volumes(functions)))
    places = [
        {"node": "server1", "device": "/dev/sdb", "old": mine, "new": attached(functions, "server1")},
        {"node": "server2", "device": "/dev/sdb", "old": again, "new": "vol-0123456789abcdef0"},
    ]
    rest = {"snapshot": functions.snapshot, "delete_on_termination": False}
    record = {"id": restore, "backup": BACKUP, "started": AT, "source": "server1",
        "attachments": [{**each, **rest} for each in places]}  # fmt: skip
    item = {"id": {"S": f"restore#{restore}"}, "record": {"S": json.dumps(record)}}
    functions.dynamodb.put_item(TableName="mirrorsnap", Item=item)
    functions.put_lock()
    call = {"restore": restore}
    refused("ConfirmationMismatch", functions.on_orders, "release-volumes", **call, confirm="order")
    earlier = {**functions.lock, "epoch": functions.epoch - 1}
    refused("Fenced", functions.call, "release-volumes", **call, cluster="orders", lock=earlier, confirm="orders")
    answer = functions.on_orders("release-volumes", **call, confirm="orders")
    assert answer == {"released": [mine], "in_place": [attached(functions, "server1")]}
    # A lost reply makes the caller ask again, and it hears the same.
    assert functions.on_orders("release-volumes", **call, confirm="orders") == answer
    left = {v["VolumeId"]: tags(v) for v in volumes(functions)}
    assert left[mine] == {"team": "db"} and "mirrorsnap:replaced" in left[again]
    assert left[attached(functions, "server1")]["mirrorsnap:attached"] == "true"
    for volume in (mine, again):
        ec2.delete_volume(VolumeId=volume)


# --- fast snapshot restore --------------------------------------------------------------------------------------------


def fast(functions: Functions, mode: str, **event: Any) -> dict[str, Any]:
    return functions.on_orders("fast-restore", mode=mode, **event)


def check(functions: Functions, planned: dict[str, Any], since: str, give_up_seconds: int = 5000) -> dict[str, Any]:
    rest = {"needed": planned["fast_needed"], "give_up_seconds": give_up_seconds}
    return fast(functions, "check", now=functions.now(), since=since, **rest)


def test_a_zone_without_capacity_ends_it_and_the_other_is_switched_off_again(functions: Functions) -> None:
    begin(functions, initialization="fsr")
    functions.lab.control("fsr_unsuccessful", code="InsufficientCapacity", az=ZONES["server2"])
    text = refused("FastRestoreFailed", fast, functions, "enable")
    assert f"in {ZONES['server2']}: InsufficientCapacity" in text
    assert on(functions) == {ZONES["server1"]}
    assert fast(functions, "disable")["disabled"] == [{"snapshot": functions.snapshot, "zone": ZONES["server1"]}]
    assert not on(functions)
    assert fast(functions, "disable") == {"disabled": []}


def test_what_somebody_else_switched_on_is_waited_for_and_left_on(functions: Functions) -> None:
    theirs, ours = ZONES["server1"], ZONES["server2"]
    lab = functions.lab
    lab.control("timing", values={"fsr_enable": 60})
    call = {"SourceSnapshotIds": [functions.snapshot], "AvailabilityZones": [theirs]}
    functions.ec2.enable_fast_snapshot_restores(**call)
    lab.control("timing", values={"fsr_enable": 1})
    planned = begin(functions, initialization="fsr")
    assert planned["fast_restores"] == [[functions.snapshot, ours]]
    assert [(pair["zone"], pair["gib"], pair["volumes"]) for pair in planned["fast_needed"]] == [
        (theirs, 20, 1),
        (ours, 20, 1),
    ]
    since = functions.now()
    fast(functions, "enable")
    lab.wait_for(lambda: states(functions)[ours] == "enabled", 30)
    late = functions.now()
    found = check(functions, planned, since)
    assert not found["ready"] and "in ap-northeast-1" in found["why"]
    lab.wait_for(lambda: states(functions)[theirs] == "enabled", 90)
    # Their credits are counted from when it became enabled: at least six minutes.
    lab.control("timing", values={"fsr_enable": 3})
    assert not check(functions, planned, since)["ready"]
    assert "after" in refused("FastRestoreFailed", check, functions, planned, since, 1)
    hence = {"needed": planned["fast_needed"], "give_up_seconds": 1, "since": late}
    later = "2099-01-01T00:00:00Z"
    assert fast(functions, "check", now=later, **hence) == {"ready": True, "why": None}
    assert fast(functions, "disable")["disabled"] == [{"snapshot": functions.snapshot, "zone": ours}]
    assert on(functions) == {theirs}


def test_one_that_ends_by_itself_is_given_up(functions: Functions) -> None:
    planned = begin(functions, initialization="fsr")
    fast(functions, "enable")
    functions.lab.control("fsr_fail", snapshot_id=functions.snapshot, az=ZONES["server2"])
    text = refused("FastRestoreFailed", check, functions, planned, functions.now())
    assert "insufficient capacity" in text
    fast(functions, "disable")
    assert not on(functions)


@pytest.mark.parametrize("lag", [1, 2])
def test_it_is_switched_off_though_describes_lag(functions: Functions, lag: int) -> None:
    """The look after the order shows what was before it: nothing, or what is on no more."""
    begin(functions, initialization="fsr")
    fast(functions, "enable")
    functions.lab.fault(call="ec2:DescribeFastSnapshotRestores", effect="stale", times=lag)
    assert len(fast(functions, "disable")["disabled"]) == 2
    functions.lab.control("clear_faults")
    assert not on(functions)


def test_a_refusal_to_switch_off_is_an_error(functions: Functions) -> None:
    begin(functions, initialization="fsr")
    fast(functions, "enable")
    fault = {"call": "ec2:DisableFastSnapshotRestores", "effect": {"error": "UnauthorizedOperation"}}
    functions.lab.fault(**fault, times=100)
    assert "UnauthorizedOperation" in refused("AwsRefused", fast, functions, "disable")
    functions.lab.control("clear_faults")
    assert len(fast(functions, "disable")["disabled"]) == 2


def test_volumes_without_a_credit_are_named(functions: Functions) -> None:
    planned = begin(functions, initialization="fsr")
    fast(functions, "enable")
    functions.lab.wait_for(lambda: set(states(functions).values()) == {"enabled"}, 30)
    functions.lab.sleep(3)  # timing.fsr_credit is 2 s
    taken = {"AvailabilityZone": ZONES["server2"], "SnapshotId": functions.snapshot}
    other = functions.ec2.create_volume(**taken)["VolumeId"]
    functions.lab.control("timing", values={"fsr_credit": 1000})
    made = create(functions, planned)
    found = functions.call("create-volumes", mode="check", cluster="orders", volumes=planned["volumes"], made=made)
    assert found == {"ready": True, "fast_restored": False, "slow": [made[1]["new"]]}
    functions.lab.control("timing", values={"fsr_credit": 2})
    functions.on_orders("create-volumes", mode="clean")
    fast(functions, "disable")
    functions.ec2.delete_volume(VolumeId=other)


# --- the report -------------------------------------------------------------------------------------------------------

PLACES = [
    {"node": node, "device": "/dev/sdb", "old": f"vol-01d{n}", "new": f"vol-fee{n}", "snapshot": "snap-001",
     "delete_on_termination": False}
    for n, node in enumerate(ZONES)
]  # fmt: skip


def report(functions: Functions, **event: Any) -> dict[str, Any]:
    given = {"operation": "restore", "status": "SUCCEEDED", "id": "orders-r-20260502T030405Z", "started": AT, **event}
    return functions.call("report", cluster="orders", now="2026-05-01T03:03:04Z", attachments=PLACES, **given)


def test_a_report_names_what_stays(functions: Functions) -> None:
    good = report(functions, in_place="new", cleaned={"deleted": [], "kept": ["vol-01d0", "vol-01d1"], "in_place": []})
    assert [(each["volume"], each["node"], each["data"]) for each in good["stay"]] == [
        ("vol-01d0", "server1", "replaced"),
        ("vol-01d1", "server2", "replaced"),
    ]
    assert good["replaced"] == PLACES and good["cause"] is None and good["leftovers"] == []
    back = report(functions, operation="rollback", in_place="old")
    assert [(each["volume"], each["data"]) for each in back["stay"]] == [
        ("vol-fee0", "restored"),
        ("vol-fee1", "restored"),
    ]


def test_a_failed_report_names_them_in_its_cause(functions: Functions) -> None:
    bad = {"status": "FAILED", "error": "DeviceMismatch", "cause": "md1 is elsewhere.", "in_place": "old"}
    how = {"chosen": "fsr", "fell_back": "no capacity in ap-northeast-1c"}
    answer = report(
        functions, **bad, initialization=how, cleaned={"deleted": ["vol-fee1"]}, leftovers=["a call was refused"]
    )
    assert [each["volume"] for each in answer["stay"]] == ["vol-fee0"] and answer["deleted"] == ["vol-fee1"]
    assert answer["cause"] == (
        "md1 is elsewhere. Volumes that stay until the restore is released: vol-fee0 (server1 /dev/sdb, the backup's "
        "data). Not cleaned up: a call was refused."
    )
    assert answer["initialization"] == {**how, "fast_restored": None, "slow": []}
    stuck = report(functions, **{**bad, "in_place": "unknown"})
    assert {each["volume"] for each in stuck["stay"]} == {"vol-01d0", "vol-fee0", "vol-01d1", "vol-fee1"}
    assert "Volumes in place or beside the nodes" in stuck["cause"]
