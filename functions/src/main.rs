//! The bootstrap of all Lambda functions: `_HANDLER` picks which one this process is. One binary, since linking the EC2 SDK
//! once costs a minute and a dozen megabytes.

mod failure;

use failure::Failure;
use lambda_runtime::{LambdaEvent, service_fn};
use mirrorsnap_functions::aws::Aws;
use mirrorsnap_functions::functions::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_ansi(false)
        .init();
    let name = std::env::var("_HANDLER").unwrap_or_default();
    let function = Function::named(&name).ok_or_else(|| {
        format!("there is no function {name:?}: set the function's Handler to one of mirrorsnap's names")
    })?;
    let aws = Aws::load().await;
    let aws = &aws;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        function.call(aws, event.payload).await.map_err(|error| {
            tracing::warn!(error = error.name(), message = %error);
            Failure(error)
        })
    }))
    .await
}
