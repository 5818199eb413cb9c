"""What EBS accepts for a volume: size, IOPS and throughput by type. Pure: numbers in, AWS's error or the result out.

Ranges are those of the API model (CreateVolume in botocore 1.4x); ratios and messages are those of the service.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..wire import AwsError

# type -> (least, most) GiB
SIZES = {
    "gp2": (1, 16_384),
    "gp3": (1, 65_536),
    "io1": (4, 16_384),
    "io2": (4, 65_536),
    "st1": (125, 16_384),
    "sc1": (125, 16_384),
    "standard": (1, 1_024),
}
IOPS = {"gp3": (3_000, 80_000), "io1": (100, 64_000), "io2": (100, 256_000)}
RATIO = {"gp3": 500, "io1": 50, "io2": 1_000}  # IOPS per GiB
THROUGHPUT = (125, 2_000)  # MiB/s, gp3 only
MIBPS_PER_IOPS = 0.25
INITIALIZATION = (100, 300)  # MiB/s


@dataclass(frozen=True)
class Shape:
    """Type, size and performance of a volume, all checked. `iops` and `throughput` as DescribeVolumes shows them."""

    type: str
    gib: int
    iops: int | None
    throughput: int | None


def _bad(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def shape(kind: str | None, gib: int, iops: int | None, throughput: int | None) -> Shape:
    """The shape that EBS makes of a request; raises InvalidParameterValue or InvalidParameterCombination."""
    kind = kind or "gp2"
    if kind not in SIZES:
        raise _bad(f"Value ({kind}) for parameter volumeType is invalid. Valid values: {', '.join(SIZES)}.")
    least, most = SIZES[kind]
    if gib < least:
        raise _bad(f"Volume of {gib}GiB is too small for volume type {kind}; minimum is {least}GiB.")
    if gib > most:
        raise _bad(f"Volume of {gib}GiB is too large for volume type {kind}; maximum is {most}GiB.")
    if iops is not None and kind not in IOPS:
        raise AwsError("InvalidParameterCombination", f"The parameter iops is not supported for {kind} volumes.")
    if throughput is not None and kind != "gp3":
        raise AwsError("InvalidParameterCombination", "throughput can only be specified for volumeType gp3.")
    return Shape(kind, gib, _iops(kind, gib, iops), _throughput(kind, iops, throughput))


def _iops(kind: str, gib: int, iops: int | None) -> int | None:
    if kind == "gp2":
        return max(100, min(16_000, 3 * gib))  # the baseline, which DescribeVolumes shows
    if kind not in IOPS:
        return None
    if iops is None:
        if kind != "gp3":
            message = f"The parameter iops must be specified for {kind} volumes."
            raise AwsError("InvalidParameterCombination", message)
        return 3_000  # the included performance, whatever the size
    least, most = IOPS[kind]
    if iops < least:
        raise _bad(f"Volume iops of {iops} is too low; minimum is {least}.")
    if iops > most:
        raise _bad(f"Volume iops of {iops} is too high; maximum is {most}.")
    if iops / gib > RATIO[kind] and not (kind == "gp3" and iops == 3_000):
        raise _bad(f"Iops to volume size ratio of {iops / gib:.6f} is too high; maximum is {RATIO[kind]}")
    return iops


def _throughput(kind: str, iops: int | None, throughput: int | None) -> int | None:
    if kind != "gp3":
        return None
    if throughput is None:
        return 125
    least, most = THROUGHPUT
    if throughput < least:
        raise _bad(f"Volume throughput of {throughput} MiB/s is too low; minimum is {least} MiB/s.")
    if throughput > most:
        raise _bad(f"Volume throughput of {throughput} MiB/s is too high; maximum is {most} MiB/s.")
    ratio = throughput / (iops or 3_000)
    if ratio > MIBPS_PER_IOPS:
        most_text = f"maximum is {MIBPS_PER_IOPS:.6f} MiBps per iops."
        raise _bad(f"Throughput (MiBps) to iops ratio of {ratio:.6f} is too high; {most_text}")
    return throughput


def initialization_rate(rate: int | None, from_snapshot: bool) -> int | None:
    """A VolumeInitializationRate in MiB/s that EBS accepts, or None."""
    if rate is None:
        return None
    if not from_snapshot:
        message = "The parameter VolumeInitializationRate is only supported for volumes created from snapshots."
        raise AwsError("InvalidParameterCombination", message)
    least, most = INITIALIZATION
    if not least <= rate <= most:
        raise _bad(f"Volume initialization rate of {rate} MiB/s is invalid; valid range is {least} - {most} MiB/s.")
    return rate
