//! The quotas of EBS, and what is used of them.

use super::Aws;
use super::client::pages;
use super::convert::{PAGE, by};
use crate::ports::Quotas;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::restore::quotas::SERVICE;
use std::collections::{BTreeMap, BTreeSet};

impl Aws {
    /// A quota of EBS by its name, in the region of these clients; `None`: it is not listed.
    pub async fn ebs_quota_named(&self, name: &str) -> Result<Option<f64>> {
        let listed = self.quotas.list_service_quotas().service_code(SERVICE);
        let mut stream = listed.into_paginator().page_size(100).send();
        let pages = pages("servicequotas:ListServiceQuotas", async || stream.next().await).await?;
        #[allow(clippy::redundant_closure_for_method_calls)] // the closure is shorter than the type's path
        let mut all = pages.iter().flat_map(|page| page.quotas());
        Ok(all
            .find(|one| one.quota_name() == Some(name))
            .and_then(aws_sdk_servicequotas::types::ServiceQuota::value))
    }
}

impl Quotas for Aws {
    async fn ebs_quotas(&self) -> Result<BTreeMap<String, f64>> {
        let mut stream = self
            .quotas
            .list_service_quotas()
            .service_code(SERVICE)
            .into_paginator()
            .page_size(100)
            .send();
        let mut found = BTreeMap::new();
        for page in pages("servicequotas:ListServiceQuotas", async || stream.next().await).await? {
            let read =
                |one: &aws_sdk_servicequotas::types::ServiceQuota| Some((one.quota_code()?.to_owned(), one.value()?));
            found.extend(page.quotas().iter().filter_map(read));
        }
        Ok(found)
    }

    async fn provisioned_gib(&self, kinds: &BTreeSet<String>) -> Result<BTreeMap<String, i64>> {
        let mut found: BTreeMap<String, i64> = kinds.iter().map(|kind| (kind.clone(), 0)).collect();
        if kinds.is_empty() {
            return Ok(found);
        }
        let mut stream = self
            .ec2
            .describe_volumes()
            .filters(by("volume-type", kinds))
            .into_paginator()
            .page_size(PAGE)
            .send();
        for page in pages("ec2:DescribeVolumes", async || stream.next().await).await? {
            for volume in page.volumes() {
                let sum = volume.volume_type().and_then(|kind| found.get_mut(kind.as_str()));
                if let Some(sum) = sum {
                    *sum += i64::from(volume.size().unwrap_or(0));
                }
            }
        }
        Ok(found)
    }
}
