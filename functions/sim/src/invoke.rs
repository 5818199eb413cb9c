//! A function, called as Lambda calls it: JSON in, JSON or an error with a stable name out.

use crate::sim::Sim;
use mirrorsnap_domain::error::Result;
use mirrorsnap_functions::functions::Function;
use serde_json::Value;

pub(crate) async fn invoke(sim: &Sim, function: &str, payload: Value) -> Result<Value> {
    let function = Function::named(function).unwrap_or_else(|| panic!("no function {function}"));
    function.call(sim, payload).await
}
