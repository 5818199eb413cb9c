//! The file systems of the mirror disks on a node, as its `observe` shows them: whether a frozen backup can freeze them. The node's scripts
//! decide (infra/documents/lib/mounts.sh), since the document that freezes asks the same predicate again.

use crate::reply::Reply;
use serde::Serialize;
use std::collections::BTreeMap;

/// The mount of a mirror driver's device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Mount {
    /// It can be frozen.
    Freezable {
        /// The mount point.
        point: String,
    },
    /// It cannot.
    Unfit(Unfit),
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

/// Reads the section `mounts` of an `observe`: lines `<device> <word> <file system> <mount point>`.
pub fn read(reply: &Reply) -> BTreeMap<String, Mount> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (device, word) = (words.next()?, words.next()?);
        let (kind, point) = (words.next().unwrap_or("-"), words.next().unwrap_or("-").to_owned());
        let mount = match word {
            "ok" => Mount::Freezable { point },
            "not_mounted" => Mount::Unfit(Unfit::NotMounted),
            "type" => Mount::Unfit(Unfit::Kind(kind.to_owned())),
            "read_only" => Mount::Unfit(Unfit::ReadOnly),
            "name" => Mount::Unfit(Unfit::Name),
            "needed" => Mount::Unfit(Unfit::Needed(point)),
            other => Mount::Unfit(Unfit::Unknown(other.to_owned())),
        };
        Some((device.to_owned(), mount))
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
            "{line}\n--- mounts rc=0\n/dev/NMP1 ok xfs /mnt/md1\n/dev/NMP2 not_mounted - -\n/dev/NMP3 type ext3 /mnt/md3\n\
             /dev/NMP4 read_only xfs /mnt/md4\n/dev/NMP5 name xfs /mnt/a\\040b\n/dev/NMP6 needed ext4 /var\n/dev/NMP7 later xfs /x\n"
        );
        let reply = Reply::parse("observe", "server1", &text).unwrap();
        let all: Vec<Mount> = read(&reply).into_values().collect();
        let unfit = |why: Unfit| Mount::Unfit(why);
        assert_eq!(
            all,
            [
                Mount::Freezable {
                    point: "/mnt/md1".into()
                },
                unfit(Unfit::NotMounted),
                unfit(Unfit::Kind("ext3".into())),
                unfit(Unfit::ReadOnly),
                unfit(Unfit::Name),
                unfit(Unfit::Needed("/var".into())),
                unfit(Unfit::Unknown("later".into())),
            ]
        );
        for mount in all {
            if let Mount::Unfit(why) = mount {
                assert!(!why.words().0.is_empty() && !why.words().1.is_empty());
            }
        }
    }
}
