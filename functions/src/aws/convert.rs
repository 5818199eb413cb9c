//! EC2's types to the domain's, and back.

use aws_sdk_ec2::types::{Filter, Tag};
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;

/// Most entries of one page. A describe without a page size asks for everything at once, which AWS throttles, and which
/// times out in a large account.
pub(super) const PAGE: i32 = 500;

pub(super) fn moment(at: Option<&aws_sdk_ec2::primitives::DateTime>) -> Option<Moment> {
    at.map(|at| Moment::from_unix(at.secs()))
}

pub(super) fn by(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.into_iter().collect()))
        .build()
}

pub(super) fn tags_of(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect()
}

pub(super) fn as_tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
