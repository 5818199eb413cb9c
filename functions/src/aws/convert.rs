//! EC2's types to the domain's, and back.

use aws_sdk_ec2::types::{Filter, Tag};
use mirrorsnap_domain::error::{Error, Result};
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Most entries of one page. A describe without a page size asks for everything at once, which AWS throttles, and which
/// times out in a large account.
pub(super) const PAGE: i32 = 500;

/// An id in an answer. One that is missing or cannot be read is an error: without it, what it names would count as not shown.
pub(super) fn id<I: FromStr<Err = Error>>(text: Option<&str>) -> Result<I> {
    text.unwrap_or_default().parse()
}

pub(super) fn moment(at: Option<&aws_sdk_ec2::primitives::DateTime>) -> Option<Moment> {
    at.map(|at| Moment::from_unix(at.secs()))
}

pub(super) fn by(name: &str, values: impl IntoIterator<Item = impl ToString>) -> Filter {
    Filter::builder().name(name).set_values(Some(texts(values))).build()
}

/// Ids as the SDK takes them.
pub(super) fn texts(ids: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

/// Whatever has the tag.
pub(super) fn has(tag: &str) -> Filter {
    by("tag-key", [tag])
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
