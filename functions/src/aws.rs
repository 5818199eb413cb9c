//! AWS as the functions use it: clients built once per process, and their errors under our names.

pub(crate) mod commands;
pub(crate) mod ec2;
pub(crate) mod lock;
mod quotas;
pub(crate) mod volumes;

use crate::pace::Pace;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::names;
use std::time::Duration;

/// The clients.
pub(crate) struct Aws {
    pub(crate) ec2: aws_sdk_ec2::Client,
    /// Without the SDK's own retries, for calls that have no idempotency token: a lost reply must not become a second
    /// snapshot behind our back.
    pub(crate) ec2_once: aws_sdk_ec2::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    /// Likewise, for SendCommand.
    pub(crate) ssm_once: aws_sdk_ssm::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    /// Without retries: a plan does not wait for what it can do without.
    quotas: aws_sdk_servicequotas::Client,
    pub(crate) pace: Pace,
    table: String,
    parameters: String,
    documents: String,
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.to_owned())
}

impl Aws {
    /// Builds the clients; no call is made.
    pub(crate) async fn load() -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        // A call that hangs must end well inside the function's own timeout.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(10))
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .load()
            .await;
        let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
        Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            ec2_once: aws_sdk_ec2::Client::new(&once),
            ssm: aws_sdk_ssm::Client::new(&config),
            ssm_once: aws_sdk_ssm::Client::new(&once),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            quotas: aws_sdk_servicequotas::Client::new(&once),
            pace: Pace::from_env(),
            table: variable("MIRRORSNAP_TABLE", "mirrorsnap"),
            parameters: variable("MIRRORSNAP_PARAMETERS", "/mirrorsnap/clusters/"),
            documents: variable("MIRRORSNAP_DOCUMENTS", "mirrorsnap-"),
        }
    }

    /// The full name of one of our documents.
    pub(crate) fn document(&self, step: &str) -> String {
        format!("{}{step}", self.documents)
    }

    /// The configuration of a cluster.
    pub(crate) async fn config(&self, cluster: &str) -> Result<Config> {
        names::cluster(cluster).map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "name a cluster"))?;
        let name = format!("{}{cluster}", self.parameters);
        let reply = self.ssm.get_parameter().name(&name).send().await.map_err(|error| {
            if error.code() == Some("ParameterNotFound") {
                let found = format!("there is no cluster {cluster}: Parameter Store has no {name}");
                return Error::new(Kind::ClusterNotFound, found, "check the name, or create the parameter");
            }
            failed("ssm:GetParameter", &error)
        })?;
        Config::parse(
            cluster,
            reply
                .parameter()
                .and_then(aws_sdk_ssm::types::Parameter::value)
                .unwrap_or_default(),
        )
    }
}

/// What an error code of AWS means to us.
fn kind(code: &str) -> Kind {
    match code {
        "InsufficientInstanceCapacity" | "InsufficientHostCapacity" | "InsufficientCapacity" => Kind::CapacityLacking,
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "Unavailable"
        | "RequestTimeout"
        | "RequestExpired" => Kind::AwsUnavailable,
        _ => Kind::AwsRefused,
    }
}

/// A failed call under our names.
pub(crate) fn failed<E: ProvideErrorMetadata, R>(call: &str, error: &SdkError<E, R>) -> Error {
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no code");
            let message = service.err().message().unwrap_or("no message");
            let next = match kind(code) {
                Kind::AwsUnavailable => "it is repeated; if it lasts, look at the AWS health dashboard",
                Kind::CapacityLacking => {
                    "it is repeated for ever; a capacity reservation keeps it from happening again"
                }
                _ => "read the message; if it is a permission, docs/functions.md lists what the function needs",
            };
            Error::new(kind(code), format!("{call} answered {code}: {message}"), next)
        }
        other => {
            // The reply is lost: whether the call was carried out is not known, and each caller looks before a repeat.
            let found = format!("{call} got no answer: {other}");
            Error::new(
                Kind::AwsUnavailable,
                found,
                "it is repeated; if it lasts, check the function's network",
            )
        }
    }
}
