"""The CloudWatch metrics of fast snapshot restore, in ministack's metric store.

CloudWatch answers by its callers' clocks and the callers are real processes, so points carry real time and not lab
time. AWS has one point a minute; of several in one real minute the last one stays, so that no statistic mixes them.
"""

from __future__ import annotations

import time

NAMES = ("FastSnapshotRestoreCreditsBalance", "FastSnapshotRestoreCreditsBucketSize")


def put(snapshot_id: str, az: str, balance: float, size: int) -> None:
    import ministack.services.cloudwatch as cloudwatch

    dimensions = {"SnapshotId": snapshot_id, "AvailabilityZone": az}
    now = time.time()
    for name, value in zip(NAMES, (balance, float(size)), strict=True):
        points = cloudwatch._metric_bucket(("AWS/EBS", name, cloudwatch._dims_key(dimensions)))
        if points and points[-1]["Timestamp"] // 60 == now // 60:
            points.pop()
        points.append({"Timestamp": now, "Value": round(value, 4), "Unit": "None", "Dimensions": dict(dimensions)})
