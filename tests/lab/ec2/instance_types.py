"""The instance types that the lab knows: enough to tell Xen from Nitro and to limit attachments."""

from __future__ import annotations

from typing import Any

from ..wire import AwsError
from .api import action, dry_run, matches, page

# type -> (hypervisor, vCPUs, MiB of memory, baseline EBS MB/s)
TYPES: dict[str, tuple[str, int, int, float]] = {
    "t2.micro": ("xen", 1, 1024, 0.0),
    "t2.medium": ("xen", 2, 4096, 0.0),
    "m4.large": ("xen", 2, 8192, 56.25),
    "t3.micro": ("nitro", 2, 1024, 10.75),
    "t3.medium": ("nitro", 2, 4096, 43.43),
    "m5.large": ("nitro", 2, 8192, 81.25),
    "m5.xlarge": ("nitro", 4, 16384, 143.75),
    "r5.large": ("nitro", 2, 16384, 81.25),
    "c5.large": ("nitro", 2, 4096, 81.25),
}
# volumes per instance, root included: Nitro shares 28 slots with one network interface, Xen supports 40 on Linux
# (EC2 user guide, "Amazon EBS volume limits")
ATTACHMENT_LIMIT = {"nitro": 27, "xen": 40}


def hypervisor(instance_type: str) -> str:
    """xen or nitro; raises InvalidParameterValue for a type that the lab does not know."""
    if instance_type not in TYPES:
        raise AwsError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    return TYPES[instance_type][0]


def _render(name: str) -> dict[str, Any]:
    kind, cpus, memory, baseline = TYPES[name]
    ebs: dict[str, Any] = {
        "EbsOptimizedSupport": "default" if baseline else "unsupported",
        "EncryptionSupport": "supported",
        "NvmeSupport": "required" if kind == "nitro" else "unsupported",
    }
    if baseline:
        ebs["EbsOptimizedInfo"] = {"BaselineThroughputInMBps": baseline, "BaselineBandwidthInMbps": int(baseline * 8)}
    return {
        "InstanceType": name,
        "CurrentGeneration": not name.startswith("m4"),
        "FreeTierEligible": name in ("t2.micro", "t3.micro"),
        "SupportedUsageClasses": ["on-demand", "spot"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": False,
        "Hypervisor": kind,
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        "VCpuInfo": {"DefaultVCpus": cpus},
        "MemoryInfo": {"SizeInMiB": memory},
        "InstanceStorageSupported": False,
        "EbsInfo": ebs,
        "NetworkInfo": {"MaximumNetworkInterfaces": 3, "EnaSupport": "required" if kind == "nitro" else "unsupported"},
        "HibernationSupported": False,
        "BurstablePerformanceSupported": name.startswith("t"),
        "AutoRecoverySupported": True,
    }


@action("DescribeInstanceTypes")
def describe_instance_types(request: dict[str, Any]) -> dict[str, Any]:
    wanted = request.get("InstanceTypes") or list(TYPES)
    unknown = [t for t in wanted if t not in TYPES]
    if unknown:
        message = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
        raise AwsError("InvalidInstanceType", message)

    def fields(r: dict[str, Any], name: str) -> list[str] | None:
        known = {
            "instance-type": r["InstanceType"],
            "hypervisor": r["Hypervisor"],
            "current-generation": str(r["CurrentGeneration"]).lower(),
            "ebs-info.nvme-support": r["EbsInfo"]["NvmeSupport"],
            "instance-storage-supported": "false",
        }
        return [known[name]] if name in known else None

    found = [r for r in map(_render, wanted) if matches(request.get("Filters"), lambda n, r=r: fields(r, n))]
    dry_run(request)
    return page(found, request, "InstanceTypes")
