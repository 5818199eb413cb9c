//! The file systems of the mirror disks on a node, as its `observe` shows them: whether a frozen backup can freeze them. The node's scripts
//! decide (infra/documents/lib/mounts.sh), since the document that freezes asks the same predicate again.

use crate::reply::Reply;
use serde::Serialize;
use std::collections::BTreeMap;

/// The mirror driver's own device of a mirror disk, which the groups mount, and its mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The device.
    pub device: String,
    /// Why its file system cannot be frozen; `None`: it can.
    pub unfit: Option<Unfit>,
}

/// Why a file system cannot be frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Unfit {
    /// Nothing mounts the device: a raw database, or the group runs elsewhere.
    NotMounted,
    /// It is neither XFS nor ext4.
    Kind(String),
    /// It is mounted read-only.
    ReadOnly,
    /// The mount point's name has characters that cannot be passed on.
    Name,
    /// Files of the system, of CLUSTERPRO or of ours lie on it.
    Needed(String),
    /// The node said something else.
    Unknown(String),
}

impl Unfit {
    /// What was found, and what to do about it.
    pub fn words(&self) -> (String, &'static str) {
        const STOPPED: &str = "back it up with `mirrorsnap backup CLUSTER --consistency stopped`";
        match self {
            Self::NotMounted => ("is not mounted, as with a raw database".to_owned(), STOPPED),
            Self::Kind(kind) => (
                format!("has the file system {kind}, and only xfs and ext4 are frozen"),
                STOPPED,
            ),
            Self::ReadOnly => (
                "is mounted read-only".to_owned(),
                "mount it writable, as the group's resource says",
            ),
            Self::Name => (
                "has a mount point with other characters than A-Z a-z 0-9 / _ . : + @ = , -".to_owned(),
                STOPPED,
            ),
            Self::Needed(point) => (
                format!(
                    "is mounted at {point}, where files of the system or of CLUSTERPRO lie: they would be blocked too"
                ),
                STOPPED,
            ),
            Self::Unknown(word) => (format!("cannot be judged ({word})"), STOPPED),
        }
    }
}

/// Reads the section `mounts` of an `observe`, by mirror disk. One whose device could not be read is left out.
pub fn read(reply: &Reply) -> BTreeMap<String, Mount> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (disk, device, word) = (words.next()?, words.next()?, words.next()?);
        let (kind, point) = (words.next().unwrap_or("-"), words.next().unwrap_or("-").to_owned());
        let unfit = match word {
            "ok" => None,
            "not_mounted" => Some(Unfit::NotMounted),
            "type" => Some(Unfit::Kind(kind.to_owned())),
            "read_only" => Some(Unfit::ReadOnly),
            "name" => Some(Unfit::Name),
            "needed" => Some(Unfit::Needed(point)),
            other => Some(Unfit::Unknown(other.to_owned())),
        };
        let device = device.to_owned();
        device
            .starts_with('/')
            .then(|| (disk.to_owned(), Mount { device, unfit }))
    };
    let section = reply.section("mounts");
    section
        .map(|section| section.text.lines().filter_map(line).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_the_node_is_known() {
        let line = r#"mirrorsnap {"document":"observe","run":"r","boot_id":"b","uptime":1.0,"result":"ok"}"#;
        let text = format!(
            "{line}\n--- mounts rc=0\nmd1 /dev/NMP1 ok\nmd2 /dev/NMP2 not_mounted - -\nmd3 /dev/NMP3 type ext3 /mnt/md3\n\
             md4 /dev/NMP4 read_only xfs /mnt/md4\nmd5 /dev/NMP5 name xfs /mnt/a\\040b\nmd6 /dev/NMP6 needed ext4 /var\n\
             md7 /dev/NMP7 later xfs /x\nmd8 - unread\n"
        );
        let reply = Reply::parse("observe", "server1", &text).unwrap();
        let all = read(&reply);
        assert_eq!(all["md1"].device, "/dev/NMP1");
        let unfit: Vec<Option<Unfit>> = all.into_values().map(|mount| mount.unfit).collect();
        assert_eq!(
            unfit,
            [
                None,
                Some(Unfit::NotMounted),
                Some(Unfit::Kind("ext3".into())),
                Some(Unfit::ReadOnly),
                Some(Unfit::Name),
                Some(Unfit::Needed("/var".into())),
                Some(Unfit::Unknown("later".into())),
            ]
        );
        for why in unfit.into_iter().flatten() {
            assert!(!why.words().0.is_empty() && !why.words().1.is_empty());
        }
    }
}
