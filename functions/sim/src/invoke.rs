//! A function, called as Lambda calls it: JSON in, JSON or an error with a stable name out.

use crate::sim::Sim;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_functions::functions::{
    assess, check_snapshots, create_snapshots, create_volumes, expire_backups, fast_restore, plan_restore, report,
    run_node_step, set_power, swap_volumes,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

async fn with<I, O>(payload: Value, handle: impl AsyncFnOnce(I) -> Result<O>) -> Result<Value>
where
    I: DeserializeOwned,
    O: Serialize,
{
    let input = serde_json::from_value(payload)
        .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "correct the driver"))?;
    Ok(serde_json::to_value(handle(input).await?).expect("an output that is JSON"))
}

pub(crate) async fn invoke(sim: &Sim, function: &str, payload: Value) -> Result<Value> {
    match function {
        "assess" => with(payload, async |input| assess::handle(sim, input).await).await,
        "run-node-step" => with(payload, async |input| run_node_step::handle(sim, input).await).await,
        "set-power" => with(payload, async |input| set_power::handle(sim, input).await).await,
        "create-snapshots" => with(payload, async |input| create_snapshots::handle(sim, input).await).await,
        "check-snapshots" => with(payload, async |input| check_snapshots::handle(sim, input).await).await,
        "expire-backups" => with(payload, async |input| expire_backups::handle(sim, input).await).await,
        "plan-restore" => with(payload, async |input| plan_restore::handle(sim, input).await).await,
        "create-volumes" => with(payload, async |input| create_volumes::handle(sim, input).await).await,
        "fast-restore" => with(payload, async |input| fast_restore::handle(sim, input).await).await,
        "swap-volumes" => with(payload, async |input| swap_volumes::handle(sim, input).await).await,
        "report" => with(payload, async |input| report::handle(input)).await,
        other => panic!("no function {other}"),
    }
}
