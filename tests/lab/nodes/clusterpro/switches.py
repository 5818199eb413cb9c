"""Behaviour of CLUSTERPRO that no text at hand confirms ([likely] in clusterpro.md), one switch each.

The defaults are the most probable behaviour. The product must be right either way, so every switch is tested both ways.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

CHOICES = {
    "wrong_disk": ("destroy", "gray"),
    "group_stop_failure": ("error", "shutdown"),
    "peer_gray_status": ("Uncertain", "Abnormal"),
    "mdstat_rc": ("coded", "zero"),
    "columns": ("config", "local_first"),
    "layout": ("seed", "wide"),
    "clpstat_when_stopped": ("error", "table"),
    "current_when_offline": ("None", "-", "empty"),
    "clpcfget_servers": ("resolved", "raw"),
    "clpstat_lags": (0, 2),
    "break_while_online": ("works", "refused", "late"),
    "fails_once": ("nothing", "reads", "orders"),
    "script_words": ("seed", "other"),
}


@dataclass
class Switches:
    wrong_disk: str = "destroy"  # starting or initialising the mirror on another disk: destroy | gray
    group_stop_failure: str = "shutdown"  # a group stop whose umount fails: error | shutdown (of the node; failover)
    umount_failures: int = 0  # so many of the next umounts fail (sporadic failures)
    stopped_group_starts_on_rejoin: bool = False  # a group stopped by command starts when a node joins the cluster
    start_after_hard_stop: bool = False  # the cluster service starts by itself after a hard stop (else event cl 18)
    stale_guard: bool = True  # a side that last saw its peer active does not call itself GREEN while alone
    partition_failover: bool = True  # without heartbeat the standby takes the group over, so that both become active
    fullcopy_guard: bool = True  # initial mirror construction on: `clprestore.sh --post` refuses
    remote_group_needs_force: bool = True  # `clpgrp -t` of a group that runs on the other node fails without -h or -f
    orders_beside: bool = True  # `clpgrp -s` and `-t` run beside another one on the node; False: they are refused
    group_start_waits: bool = True  # `clpgrp -s` waits for the groups that its group waits for at its start
    group_stop_waits: bool = False  # `clpgrp -t` waits likewise; False: only a stop of the cluster does
    recovery_waits: bool = False  # `clpmdctrl --recovery` returns only when the copy has ended
    recovery_details: bool = True  # `clpmdstat` prints direction and percent of a running copy
    clpcfget: bool = True  # the command exists (X 4.3/5.x and later)
    flag_on_partition: bool = True  # backup flags live on the cluster partition, so they travel with snapshots
    peer_gray_status: str = "Uncertain"  # mirror status while one side is GRAY: Uncertain | Abnormal
    mdstat_rc: str = "coded"  # exit code of clpmdstat: coded by the two colours | zero
    columns: str = "config"  # order of the columns in clpmdstat: config | local_first
    layout: str = "seed"  # blanks between columns: seed (single) | wide
    clpstat_when_stopped: str = "error"  # clpstat while the daemon is stopped: error | table (X 6.0)
    current_when_offline: str = "None"  # the node of a group that runs nowhere: None (X 6.0) | - | empty
    monitor_types_listed: bool = True  # `clpcfget -e /root/monitor/types` prints the types that are in use
    clpcfget_servers: str = "resolved"  # a value for one server: printed at the common path | only below server@NAME
    clpcl_leaves_child: bool = False  # `clpcl -s` starts a daemon itself, which keeps its output open
    clpstat_lags: int = 0  # so many seconds after a change clpstat and clpmdstat still show the state before: 0 | 2
    fails_once: str = "nothing"  # the first call of each, on each node, exits with an error: nothing | reads | orders
    break_while_online: str = "works"  # `--break` on the standby while the group is online: works | refused | late
    script_words: str = "seed"  # what the `--pre` of clpbackup.sh and clprestore.sh print: as in the seed | other words
    clplogcmd: bool = True  # the command exists
    long_names: bool = False  # clpstat prints whole names even without --long

    def update(self, values: dict[str, Any]) -> None:
        """Set some switches; an unknown name or a value of another kind is a ValueError and changes nothing."""
        known = {f.name for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown switch {name!r}; known: {', '.join(sorted(known))}")
            if name in CHOICES:
                if value not in CHOICES[name]:
                    raise ValueError(f"switch {name!r} is one of {', '.join(CHOICES[name])}, not {value!r}")
            elif name == "umount_failures":
                if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1000:
                    raise ValueError(f"switch {name!r} is a whole number from 0 to 1000, not {value!r}")
            elif not isinstance(value, bool):
                raise ValueError(f"switch {name!r} is true or false, not {value!r}")
        for name, value in values.items():
            setattr(self, name, value)
