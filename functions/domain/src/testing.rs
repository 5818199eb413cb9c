//! The seed's cluster, for tests.

use serde_json::{Value, json};

pub(crate) fn orders() -> Value {
    json!({"name": "orders",
        "nodes": [{"name": "server1", "instance_id": "i-0aaa"}, {"name": "server2", "instance_id": "i-0ccc"}],
        "failover_groups": ["failover1"],
        "mirror_disks": [{"name": "md1", "monitor": "mdw1", "device": "/dev/sdb",
                          "cluster_partition": "/dev/xvdb1", "data_partition": "/dev/xvdb2"}],
        "max_outage_seconds": 120, "max_restore_outage_seconds": 3600, "accept_device_name_risk": false,
        "retention": {"keep_last": 7, "daily": 14, "weekly": 8, "monthly": 12}})
}
