//! The region that copies go to.

use super::Stack;
use crate::ports::Elsewhere;
use mirrorsnap_domain::copies::Region;
use mirrorsnap_domain::copies::check::{AT_ONCE, region_of};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::inspect::Key;

impl Elsewhere for Stack {
    async fn key_there(&self, key: &str) -> Result<Option<Key>> {
        self.aws.elsewhere(&region_of(key)?).key_if_there(key).await
    }

    async fn copies_running(&self, region: &Region) -> Result<usize> {
        self.aws.elsewhere(region).copies_running().await
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a quota is a small number, sent as a float
    async fn copies_at_once(&self, region: &Region) -> Result<Option<u32>> {
        let quota = self.aws.elsewhere(region).ebs_quota_named(AT_ONCE).await?;
        Ok(quota.map(|value| value as u32))
    }
}
