//! Which KMS keys the nodes' volumes are encrypted by, and who needs them. EC2 says of a denied key only that an instance does not start.

use crate::ec2::VolumeId;
use std::collections::{BTreeMap, BTreeSet};

/// What a dry run says of the keys of all volumes of both nodes, the root volumes' too: volume to key. `None`: none is encrypted.
pub fn key_words<'a>(keys: impl IntoIterator<Item = (&'a VolumeId, &'a String)>) -> Option<String> {
    let mut of: BTreeMap<&str, BTreeSet<&VolumeId>> = BTreeMap::new();
    for (volume, key) in keys {
        of.entry(key).or_default().insert(volume);
    }
    if of.is_empty() {
        return None;
    }
    let each = |(key, volumes): (&str, BTreeSet<&VolumeId>)| {
        let volumes: Vec<String> = volumes.into_iter().map(ToString::to_string).collect();
        format!("{key} ({})", volumes.join(", "))
    };
    let keys: Vec<String> = of.into_iter().map(each).collect();
    Some(format!(
        "KMS keys: {}. Unless it is the AWS managed key aws/ebs, each key's policy must let this account's IAM policies, or the roles of \
         set-power, create-volumes and swap-volumes, use it: without kms:CreateGrant a stopped node does not start again. This cannot be \
         tried without a start; the README says how to ask IAM",
        keys.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_named_with_its_volumes() {
        let pair = |volume: &str, key: &str| (volume.parse::<VolumeId>().unwrap(), key.to_owned());
        let found = [
            pair("vol-0a2", "key-a"),
            pair("vol-0a1", "key-a"),
            pair("vol-0a3", "key-b"),
        ];
        let words = key_words(found.iter().map(|(volume, key)| (volume, key))).unwrap();
        assert!(
            words.starts_with("KMS keys: key-a (vol-0a1, vol-0a2); key-b (vol-0a3). "),
            "{words}"
        );
        assert!(words.contains("kms:CreateGrant"), "{words}");
        assert_eq!(key_words([]), None);
    }
}
