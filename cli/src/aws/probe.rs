//! The doctor on instances of which nothing is described yet.

use super::{Stack, parameters_of};
use crate::ports::Probe;
use aws_sdk_ssm::types::DocumentKeyValuesFilter;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::observation::Instance;
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_functions::aws::{Aws, failed};
use mirrorsnap_functions::functions;
use mirrorsnap_functions::ports::Instances;
use std::collections::BTreeMap;

const DOCTOR: &str = "doctor";

impl Stack {
    /// The stack's own document: its name ends in a digest of its content, which only the stack knows.
    async fn doctors(&self) -> Result<Aws> {
        let begins = format!("{}.{DOCTOR}.", self.name);
        let filter = |key: &str, value: &str| DocumentKeyValuesFilter::builder().key(key).values(value).build();
        let call = self.ssm.list_documents().filters(filter("Owner", "Self"));
        let mut stream = call.filters(filter("Name", &begins)).into_paginator().send();
        let mut found = None;
        while let Some(page) = stream.next().await {
            let page = page.map_err(|error| failed("ssm:ListDocuments", &error))?;
            let names = page.document_identifiers().iter().filter_map(|each| each.name());
            found = found.or(names
                .into_iter()
                .find(|name| name.starts_with(&begins))
                .map(str::to_owned));
        }
        let found = found.ok_or_else(|| {
            let found = format!("there is no document {begins}… in this account and region");
            Error::new(
                Kind::AwsRefused,
                found,
                "name the stack by --stack, its region by --region; or deploy it",
            )
        })?;
        let aws = Aws::of(&self.config, self.name.clone(), parameters_of(&self.name));
        Ok(aws.with_documents(BTreeMap::from([(DOCTOR.to_owned(), found)])))
    }
}

impl Probe for Stack {
    async fn probed(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>> {
        self.aws.instances(ids).await
    }

    async fn doctor(&self, instance: &InstanceId, step: &Step) -> Result<Reply> {
        let aws = self.doctor.get_or_try_init(|| self.doctors()).await?;
        functions::read_node(aws, instance, step).await
    }
}
