//! What every line of CloudWatch's embedded metric format begins with.

use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};

/// The member `_aws`: metrics in namespace `mirrorsnap` by these dimensions. `names`: of each metric, with its unit.
pub(super) fn head<'a>(now: Moment, dimensions: &[&str], names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let metrics: Vec<Value> = names
        .into_iter()
        .map(|(name, unit)| json!({"Name": name, "Unit": unit}))
        .collect();
    json!({"Timestamp": now.unix().saturating_mul(1000), "CloudWatchMetrics": [{
        "Namespace": "mirrorsnap", "Dimensions": [dimensions], "Metrics": metrics}]})
}
