//! The SDK's clients, the clusters' configurations, and how an error of the SDK becomes an `Answer`.

use super::clock::Pace;
use super::outcome::{self, Answer};
use crate::ports::{Configs, Metrics, Outcome};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::names;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

/// The clients, built once per process.
#[derive(Debug)]
pub struct Aws {
    pub(super) ebs: aws_sdk_ebs::Client,
    pub(super) ec2: aws_sdk_ec2::Client,
    /// Without the SDK's own retries, for calls that have no idempotency token: after a lost reply a retry of the SDK would make a
    /// second snapshot.
    pub(super) ec2_once: aws_sdk_ec2::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    /// Likewise, for SendCommand.
    pub(super) ssm_once: aws_sdk_ssm::Client,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    /// Without retries: a plan does not wait for data that it can do without.
    pub(super) quotas: aws_sdk_servicequotas::Client,
    pub(super) kms: aws_sdk_kms::Client,
    pub(super) scheduler: aws_sdk_scheduler::Client,
    pub(super) pace: Pace,
    pub(super) table: String,
    pub(super) parameters: String,
    documents: BTreeMap<String, String>,
    /// For clients of other regions, to which backups are copied.
    pub(super) config: SdkConfig,
    pub(super) key_roles: BTreeMap<String, String>,
}

/// A JSON object of names in a variable that the template gives: the documents by step, which else are `mirrorsnap-<step>`; the roles
/// that use the volumes' keys by function, of which else nothing is judged.
fn names_in(name: &str) -> BTreeMap<String, String> {
    let given = variable(name, "{}");
    serde_json::from_str(&given).unwrap_or_else(|error| {
        tracing::error!(%error, "{name} is no JSON object of names: {given}");
        BTreeMap::new()
    })
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.to_owned())
}

impl Aws {
    /// Builds the clients; no call is made.
    pub async fn load() -> Self {
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
        let table = variable("MIRRORSNAP_TABLE", "mirrorsnap");
        Self::of(
            &config,
            table,
            variable("MIRRORSNAP_PARAMETERS", "/mirrorsnap/clusters/"),
        )
    }

    /// On a configuration that is loaded: the command line's is its user's. `parameters` ends with a slash. No call is made.
    pub fn of(config: &SdkConfig, table: String, parameters: String) -> Self {
        let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
        Self {
            ebs: aws_sdk_ebs::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            ec2_once: aws_sdk_ec2::Client::new(&once),
            ssm: aws_sdk_ssm::Client::new(config),
            ssm_once: aws_sdk_ssm::Client::new(&once),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            quotas: aws_sdk_servicequotas::Client::new(&once),
            kms: aws_sdk_kms::Client::new(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
            pace: Pace::from_env(),
            table,
            parameters,
            documents: names_in("MIRRORSNAP_DOCUMENTS"),
            config: config.clone(),
            key_roles: names_in("MIRRORSNAP_KEY_ROLES"),
        }
    }

    /// The same with the documents' full names by step, where the environment does not give them.
    #[must_use]
    pub fn with_documents(mut self, documents: BTreeMap<String, String>) -> Self {
        self.documents = documents;
        self
    }

    /// The full name of one of our documents.
    pub(super) fn document(&self, step: &str) -> String {
        let named = self.documents.get(step).cloned();
        named.unwrap_or_else(|| format!("mirrorsnap-{step}"))
    }
}

impl Configs for Aws {
    async fn config(&self, cluster: &str) -> Result<Config> {
        names::cluster(cluster).map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "name a cluster"))?;
        let name = format!("{}{cluster}", self.parameters);
        let reply = self.ssm.get_parameter().name(&name).send().await.map_err(|error| {
            let error = failed("ssm:GetParameter", &error);
            if error.kind() == Kind::ClusterNotFound {
                let found = format!("there is no cluster {cluster}: Parameter Store has no {name}");
                return Error::new(Kind::ClusterNotFound, found, "check the name, or create the parameter");
            }
            error
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

impl Metrics for Aws {
    fn write(&self, line: &serde_json::Value) {
        // A failed write loses a metric, and the log says so.
        if let Err(error) = writeln!(std::io::stdout(), "{line}") {
            tracing::warn!(%error, "metrics were not written");
        }
    }
}

/// An error of an operation of the SDK.
pub trait Reported: ProvideErrorMetadata + std::error::Error + 'static {}
impl<T: ProvideErrorMetadata + std::error::Error + 'static> Reported for T {}

fn answer<E: Reported>(error: &SdkError<E>) -> Answer {
    match error {
        SdkError::ServiceError(service) => Answer::Error {
            code: service.err().code().map(str::to_owned),
            message: service.err().message().unwrap_or("no message").to_owned(),
            status: service.raw().status().as_u16(),
        },
        SdkError::ResponseError(response) if !response.raw().status().is_success() => Answer::Error {
            code: None,
            message: "an answer that cannot be read".to_owned(),
            status: response.raw().status().as_u16(),
        },
        other => Answer::None(reasons(other)),
    }
}

/// An error with all that caused it: `dispatch failure` alone says nothing of credentials that are missing.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
}

/// A failed call that changes nothing.
pub fn failed<E: Reported>(call: &str, error: &SdkError<E>) -> Error {
    outcome::error(call, &answer(error))
}

/// All pages of a describe, read to the end. `next` asks for one.
pub(super) async fn pages<T, E: Reported>(
    call: &str,
    mut next: impl AsyncFnMut() -> Option<std::result::Result<T, SdkError<E>>>,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(page) = next().await {
        all.push(page.map_err(|error| failed(call, &error))?);
    }
    Ok(all)
}

/// Whether a call that changes nothing failed since what was asked for is not there.
pub(super) fn is_absent<E: Reported>(call: &str, error: &SdkError<E>) -> bool {
    outcome::is_absent(call, &answer(error))
}

/// With the reason that a service tells beside the code.
fn because<E: Reported>(error: &SdkError<E>, reason: &str) -> Answer {
    let mut answer = answer(error);
    if let Answer::Error { message, .. } = &mut answer {
        *message = format!("{reason}: {message}");
    }
    answer
}

/// The same as [`is_absent`], where that reason makes the difference.
pub(super) fn is_absent_because<E: Reported>(call: &str, error: &SdkError<E>, reason: &str) -> bool {
    outcome::is_absent(call, &because(error, reason))
}

/// The same as [`failed`], where that reason makes the difference.
pub(super) fn failed_because<E: Reported>(call: &str, error: &SdkError<E>, reason: &str) -> Error {
    outcome::error(call, &because(error, reason))
}

/// The end of a call that changes something; what it answered when it was accepted is dropped.
pub(super) fn ended<T, E: Reported>(call: &str, reply: std::result::Result<T, SdkError<E>>) -> Outcome {
    match reply {
        Ok(_) => Outcome::Accepted(()),
        Err(error) => refused(call, &error),
    }
}

/// The end of a call that changes something and was not accepted.
pub(super) fn refused<T, E: Reported>(call: &str, error: &SdkError<E>) -> Outcome<T> {
    outcome::outcome(call, &answer(error))
}

/// A call was accepted, and its reply lacks what was asked for.
pub(super) fn incomplete<T>(call: &str, what: &str) -> Outcome<T> {
    outcome::outcome(call, &Answer::None(format!("{what} is missing in its reply")))
}
