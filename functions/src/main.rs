//! The bootstrap of all Lambda functions: `_HANDLER` picks which one this process is. One binary, since linking the EC2 SDK
//! once costs a minute and a dozen megabytes.

mod failure;

use failure::Failure;
use lambda_runtime::{LambdaEvent, service_fn};
use mirrorsnap_functions::aws::Aws;
use mirrorsnap_functions::functions::Function;
use mirrorsnap_functions::trace;
use std::time::Instant;
use tracing::Instrument;

/// One call, with one line in the log at its end, whatever that is.
async fn answer(function: Function, aws: &Aws, input: serde_json::Value) -> Result<serde_json::Value, Failure> {
    let began = Instant::now();
    let ended = function.call(aws, input).await;
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match ended {
        Ok(output) => {
            if let Some(id) = output.get("id").and_then(serde_json::Value::as_str) {
                tracing::Span::current().record("id", id);
            }
            tracing::info!(ms, "answered");
            Ok(output)
        }
        Err(error) => {
            tracing::warn!(ms, error = error.name(), message = %error);
            Err(Failure(error))
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_ansi(false)
        .init();
    let name = std::env::var("_HANDLER").unwrap_or_default();
    let function = Function::named(&name).ok_or_else(|| {
        format!("there is no function {name:?}: set the function's Handler to one of mirrorsnap's names")
    })?;
    let aws = Aws::load().await;
    let aws = &aws;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let mut input = event.payload;
        let trace = trace::take(&mut input);
        let span = tracing::info_span!(
            "call",
            function = name,
            execution = trace.execution,
            cluster = trace.cluster,
            id = trace.id,
            phase = trace.phase,
            state = trace.state,
        );
        answer(function, aws, input).instrument(span).await
    }))
    .await
}
