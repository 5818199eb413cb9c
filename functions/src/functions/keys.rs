//! The keys of the nodes' volumes, asked of KMS before an operation touches anything.

use crate::ports::Keys;
use mirrorsnap_domain::ec2::VolumeId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::inspect::{judge_key, keys_of};
use mirrorsnap_domain::sentence::Sentence;

/// Refuses a key that cannot be used; else what is known of each, in words.
pub(super) async fn judged<'a>(
    ports: &impl Keys,
    volumes: impl IntoIterator<Item = (&'a VolumeId, Option<&'a String>)>,
) -> Result<Vec<Sentence>> {
    let roles = ports.key_roles();
    let mut words = Vec::new();
    for (key, volumes) in keys_of(volumes) {
        words.push(judge_key(&key, &volumes, ports.key(&key).await, &roles)?);
    }
    Ok(words)
}
