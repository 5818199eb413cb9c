//! KMS's keys.

use super::Aws;
use super::client::{failed, is_absent};
use crate::ports::Keys;
use aws_sdk_kms::operation::describe_key::DescribeKeyOutput;
use aws_sdk_kms::types::KeyManagerType;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::inspect::{Key, Manager};
use std::collections::BTreeMap;

impl Keys for Aws {
    async fn key(&self, key: &str) -> Result<Key> {
        let reply = self.kms.describe_key().key_id(key).send().await;
        let reply = reply.map_err(|error| failed(CALL, &error))?;
        self.read_key(key, &reply).await
    }

    fn key_roles(&self) -> BTreeMap<String, String> {
        self.key_roles.clone()
    }
}

const CALL: &str = "kms:DescribeKey";

impl Aws {
    /// A key with its policy, in the region of these clients; `None`: there is no such key.
    pub async fn key_if_there(&self, key: &str) -> Result<Option<Key>> {
        match self.kms.describe_key().key_id(key).send().await {
            Ok(reply) => self.read_key(key, &reply).await.map(Some),
            Err(error) if is_absent(CALL, &error) => Ok(None),
            Err(error) => Err(failed(CALL, &error)),
        }
    }

    async fn read_key(&self, key: &str, reply: &DescribeKeyOutput) -> Result<Key> {
        let found = reply.key_metadata().and_then(|one| Some((one, one.key_state()?)));
        let Some((found, state)) = found else {
            let found = format!("{CALL} answered without the state of {key}");
            return Err(Error::new(Kind::AwsUnavailable, found, "it is repeated"));
        };
        let manager = match found.key_manager() {
            Some(KeyManagerType::Aws) => Manager::Aws,
            _ => Manager::Customer(self.key_policy(key).await?),
        };
        Ok(Key {
            manager,
            state: state.as_str().to_owned(),
        })
    }

    /// The policy, or why KMS does not show it.
    async fn key_policy(&self, key: &str) -> Result<std::result::Result<String, String>> {
        match self.kms.get_key_policy().key_id(key).send().await {
            Ok(reply) => Ok(reply
                .policy()
                .map(str::to_owned)
                .ok_or_else(|| "an empty answer".to_owned())),
            Err(error) => match failed("kms:GetKeyPolicy", &error) {
                refused if refused.kind() == Kind::AwsRefused => Ok(Err(refused.to_string())),
                error => Err(error),
            },
        }
    }
}
