//! What a backup records for its later proof, in its snapshots' tags.

use super::places::{Place, Places, places};
use crate::catalogue::{Snapshot, tag};
use crate::config::Config;
use std::collections::BTreeMap;

/// What a proof has to know of a mirror disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// SHA-256 of the data partition's first 64 KiB at the quiet moment; `None`: the active recorded none.
    pub fingerprint: Option<[u8; 32]>,
    /// Where its partitions are.
    pub places: Places,
}

/// Stands in a tag for what is not known.
const UNKNOWN: &str = "-";

fn key(disk: &str) -> String {
    format!("{}{disk}", tag::DISK)
}

/// The tags by which a snapshot says what a proof has to know of the mirror disks on its volume: of each, the fingerprint and both places.
pub fn tags<'a>(
    disks: impl IntoIterator<Item = &'a String>,
    fingerprints: &BTreeMap<String, String>,
    places: &BTreeMap<String, Places>,
) -> BTreeMap<String, String> {
    let text = |place: Option<&Place>| place.map_or_else(|| UNKNOWN.to_owned(), ToString::to_string);
    let of = |disk: &String| {
        let fingerprint = fingerprints.get(disk).map_or(UNKNOWN, String::as_str);
        let places = places.get(disk).cloned().unwrap_or_default();
        let value = format!(
            "{fingerprint} {} {}",
            text(places.cluster.as_ref()),
            text(places.data.as_ref())
        );
        // EC2 takes 256 characters. Names that are longer than that together are those of the configuration.
        let value = if value.len() > MOST_OF_VALUE {
            format!("{fingerprint} {UNKNOWN} {UNKNOWN}")
        } else {
            value
        };
        (key(disk), value)
    };
    disks.into_iter().map(of).collect()
}

/// The longest value of a tag.
const MOST_OF_VALUE: usize = 256;

fn fingerprint(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The mirror disks of a snapshot with what a proof has to know of each. A place that the run did not record is that of the
/// configuration as it is now.
pub fn recorded(config: &Config, node: &str, snapshot: &Snapshot) -> BTreeMap<String, Recorded> {
    let configured = places(config, node, &BTreeMap::new());
    let names = snapshot.tags.get(tag::MIRROR_DISKS).map_or("", String::as_str);
    let of = |disk: &str| {
        let text = snapshot.tags.get(&key(disk)).map_or("", String::as_str);
        let words: Vec<&str> = text.split(' ').collect();
        let (print, cluster, data) = match words.as_slice() {
            [print, cluster, data] => (fingerprint(print), Place::parse(cluster), Place::parse(data)),
            _ => (None, None, None),
        };
        let configured = configured.get(disk).cloned().unwrap_or_default();
        let places = Places {
            cluster: cluster.or(configured.cluster),
            data: data.or(configured.data),
        };
        let recorded = Recorded {
            fingerprint: print,
            places,
        };
        (disk.to_owned(), recorded)
    };
    names.split_whitespace().map(of).collect()
}
