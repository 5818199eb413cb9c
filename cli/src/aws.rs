//! The ports on the SDK, on the user's own credentials. What the functions read too is read by their adapters.

mod elsewhere;
mod executions;
mod probe;
mod registry;

use crate::args::Common;
use crate::interrupt;
use crate::ports::{Catalogue, Pause};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use mirrorsnap_domain::catalogue::{Snapshot, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::copies::{Region, Seen};
use mirrorsnap_domain::description::Description;
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::restore::Record;
use mirrorsnap_functions::aws::Aws;
use mirrorsnap_functions::ports::{
    Changes, Clock, Copies as _, Descriptions, Fleet, Items, Ledger, Outcome, Position, Snapshots, Tags, Told,
};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The clients of one stack.
#[derive(Debug)]
pub struct Stack {
    name: String,
    ec2: aws_sdk_ec2::Client,
    sfn: aws_sdk_sfn::Client,
    ssm: aws_sdk_ssm::Client,
    aws: Aws,
    config: SdkConfig,
    /// With the name of the stack's own document, once that was looked up.
    doctor: OnceCell<Aws>,
}

impl Stack {
    /// Finds the credentials and the region; no other call is made. The names of a stack's table, parameters and state machines begin with
    /// its own, so its name is all that is needed.
    pub async fn load(common: &Common) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        if let Some(profile) = &common.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &common.region {
            loader = loader.region(aws_config::Region::new(region.clone()));
        }
        let config = loader.load().await;
        let stack = common.stack.clone();
        Self {
            name: stack.clone(),
            ec2: aws_sdk_ec2::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            aws: Aws::of(&config, stack.clone(), parameters_of(&stack)),
            config,
            doctor: OnceCell::new(),
        }
    }
}

fn parameters_of(stack: &str) -> String {
    format!("/{stack}/clusters/")
}

impl Pause for Stack {
    fn millis(&self) -> i64 {
        self.aws.now().unix().saturating_mul(1000)
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn interrupted(&self) {
        interrupt::interrupted().await;
    }
}

impl Ledger for Stack {
    async fn lock(&self, cluster: &str) -> Result<Lock> {
        self.aws.lock(cluster).await
    }

    async fn record(&self, restore: &Id) -> Result<Record> {
        self.aws.record(restore).await
    }
}

impl Changes for Stack {
    async fn changed_blocks(&self, older: &SnapshotId, newer: &SnapshotId, from: &Position) -> Result<Told> {
        self.aws.changed_blocks(older, newer, from).await
    }
}

/// A call whose repeat is harmless.
fn done(outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Accepted(()) | Outcome::AlreadySo => Ok(()),
        Outcome::NotYet(why) => Err(Error::new(Kind::AwsUnavailable, why, "run the command again")),
        Outcome::Unknown(error) | Outcome::Refused(error) => Err(error),
    }
}

impl Catalogue for Stack {
    async fn clusters(&self) -> Result<BTreeMap<String, Result<Config>>> {
        self.aws.clusters().await
    }

    async fn items(&self) -> Result<Items> {
        self.aws.items().await
    }

    async fn all_snapshots(&self) -> Result<Vec<Snapshot>> {
        self.aws.all_snapshots().await
    }

    async fn snapshots_of_cluster(&self, cluster: &str) -> Result<Vec<Snapshot>> {
        self.aws.snapshots_of_cluster(cluster).await
    }

    async fn copies_of_cluster(&self, region: &Region, cluster: &str) -> Result<Vec<Seen>> {
        self.aws.copies_of_cluster(region, cluster).await
    }

    async fn keep(&self, snapshots: &[SnapshotId], value: &str) -> Result<()> {
        let tags = BTreeMap::from([(tag::KEPT.to_owned(), value.to_owned())]);
        done(self.aws.tag(snapshots, &tags).await)
    }

    async fn unkeep(&self, snapshots: &[SnapshotId]) -> Result<()> {
        done(self.aws.untag(snapshots, &[tag::KEPT]).await)
    }

    async fn description(&self, backup: &Id) -> Result<Option<Description>> {
        self.aws.description(backup).await
    }
}
