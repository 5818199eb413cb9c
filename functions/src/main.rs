//! The bootstrap of all Lambda functions: `_HANDLER` picks which one this process is. One binary, since linking the EC2 SDK
//! once costs a minute and a dozen megabytes.

mod aws;
mod failure;
mod functions;
mod pace;

use aws::Aws;
use failure::Failure;
use lambda_runtime::{LambdaEvent, service_fn};
use mirrorsnap_domain::error::{Error, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_ansi(false)
        .init();
    let name = std::env::var("_HANDLER").unwrap_or_default();
    let aws = Arc::new(Aws::load().await);
    match name.as_str() {
        // The largest future by far: both nodes are asked at once.
        "assess" => Box::pin(serve(aws, functions::assess::handle)).await,
        "run-node-step" => serve(aws, functions::run_node_step::handle).await,
        "set-power" => serve(aws, functions::set_power::handle).await,
        "create-snapshots" => serve(aws, functions::create_snapshots::handle).await,
        "check-snapshots" => serve(aws, functions::check_snapshots::handle).await,
        "expire-backups" => serve(aws, functions::expire_backups::handle).await,
        "plan-restore" => Box::pin(serve(aws, functions::plan_restore::handle)).await,
        "create-volumes" => serve(aws, functions::create_volumes::handle).await,
        "fast-restore" => serve(aws, functions::fast_restore::handle).await,
        "swap-volumes" => serve(aws, functions::swap_volumes::handle).await,
        "report" => serve(aws, functions::report::handle).await,
        other => Err(format!(
            "there is no function {other:?}: set the function's Handler to one of mirrorsnap's names"
        )
        .into()),
    }
}

/// Answers invocations for ever. An input that does not fit becomes our own `InputInvalid`.
async fn serve<I, O, F, Fut>(aws: Arc<Aws>, handle: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Fn(Arc<Aws>, I) -> Fut + Copy,
    Fut: Future<Output = Result<O, Error>>,
{
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| {
        let aws = Arc::clone(&aws);
        async move {
            let input = serde_json::from_value(event.payload).map_err(|error| {
                let found = format!("the input cannot be read: {error}");
                Failure(Error::new(
                    Kind::InputInvalid,
                    found,
                    "correct the input; docs/functions.md shows each function's",
                ))
            })?;
            handle(aws, input).await.map_err(|error| {
                tracing::warn!(error = error.name(), message = %error);
                Failure(error)
            })
        }
    }))
    .await
}
