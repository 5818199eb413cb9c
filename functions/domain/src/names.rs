//! Names and paths that reach a node's shell, a tag or an ARN: what may be in them, and why nothing else.
//!
//! Every one of them ends up in a parameter of a command document, whose `allowedPattern` says the same. Checking here
//! gives a clear error before anything is touched; the document's pattern is the second wall.

use crate::error::{Error, Kind, Result};

/// Longest name of a CLUSTERPRO resource (group, mirror disk, monitor).
pub const RESOURCE_MAX: usize = 31;
/// Longest host name of a node.
pub const NODE_MAX: usize = 63;
/// Longest name of a cluster: with `-r-` and a time it must stay below the 80 characters of an execution's name.
pub const CLUSTER_MAX: usize = 40;
/// Longest path of a partition.
pub const PATH_MAX: usize = 200;

fn invalid(what: &str, value: &str, rule: &str) -> Error {
    // The value is quoted and cut: it may be hostile or huge.
    let shown: String = value.chars().take(60).collect();
    Error::new(
        Kind::ConfigInvalid,
        format!("{what} {shown:?} is not allowed"),
        format!("use {rule}"),
    )
}

/// A cluster's name: lower-case letters, digits and hyphens. It must not end in `-r`, since then the backup ids of
/// `orders-r` would be the restore ids of `orders`.
pub fn cluster(name: &str) -> Result<()> {
    let ok = name.len() <= CLUSTER_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.ends_with('-')
        && !name.ends_with("-r")
        && !name.contains("-r-");
    ok.then_some(()).ok_or_else(|| {
        invalid(
            "the cluster's name",
            name,
            "lower-case letters, digits and hyphens, at most 40, without `-r-` in it",
        )
    })
}

/// The name of a group, mirror disk or monitor.
pub fn resource(what: &str, name: &str) -> Result<()> {
    let ok = !name.is_empty()
        && name.len() <= RESOURCE_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    ok.then_some(())
        .ok_or_else(|| invalid(what, name, "a letter, then letters, digits, _ and -, at most 31"))
}

/// A node's host name.
pub fn node(name: &str) -> Result<()> {
    let ok = !name.is_empty()
        && name.len() <= NODE_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    ok.then_some(()).ok_or_else(|| {
        invalid(
            "the node's name",
            name,
            "the host name: letters, digits, `.`, `_` and `-`, at most 63",
        )
    })
}

/// An id of EC2, such as `i-0123456789abcdef0` with the prefix `i`.
pub fn is_id(prefix: &str, id: &str) -> bool {
    id.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| {
            (3..=17).contains(&rest.len()) && rest.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
        })
}

/// The device name of an attachment, as EC2 shows it.
pub fn device(path: &str) -> Result<()> {
    let ok = path.strip_prefix("/dev/").is_some_and(|name| {
        (2..=8).contains(&name.len()) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    ok.then_some(()).ok_or_else(|| {
        invalid(
            "the device",
            path,
            "the attachment's device name as EC2 shows it, such as /dev/sdb",
        )
    })
}

/// A partition's path on a node.
pub fn partition(path: &str) -> Result<()> {
    let ok = path.len() <= PATH_MAX
        && path.strip_prefix("/dev/").is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .split('/')
                    .all(|part| !part.is_empty() && part != "." && part != "..")
                && rest
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '+' | '=' | '@'))
        });
    ok.then_some(()).ok_or_else(|| {
        invalid(
            "the partition",
            path,
            "a path below /dev of letters, digits and _-./:+=@, such as /dev/xvdb1",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_seed_are_allowed() {
        assert!(cluster("orders").is_ok() && node("server1").is_ok() && node("db-1.example.com").is_ok());
        for name in ["md1", "mdw1", "failover1"] {
            assert!(resource("group", name).is_ok());
        }
        for path in [
            "/dev/xvdb1",
            "/dev/mapper/vg0-lv_data",
            "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0aa-part1",
        ] {
            assert!(partition(path).is_ok(), "{path}");
        }
        assert!(device("/dev/sdb").is_ok() && device("/dev/xvdba").is_ok());
        assert!(is_id("i", "i-0aaa") && is_id("i", "i-0123456789abcdef0"));
    }

    #[test]
    fn what_a_shell_would_read_is_refused() {
        for bad in [
            "a;b", "$(id)", "a b", "a\nb", "`id`", "a|b", "-t", "", "a'b", "a\"b", "ä", "{{x}}",
        ] {
            assert!(
                resource("group", bad).is_err() && cluster(bad).is_err() && partition(&format!("/dev/{bad}")).is_err()
                    || bad == "-t",
                "{bad}"
            );
            assert!(node(bad).is_err(), "{bad}");
        }
        for bad in [
            "/etc/passwd",
            "/dev/../etc/passwd",
            "/dev//sdb",
            "/dev/",
            "/dev/./a",
            "dev/sdb",
        ] {
            assert!(partition(bad).is_err(), "{bad}");
        }
        for bad in ["i-", "i-xyz1", "i-0AAA", "vol-0aaa", "i-0123456789abcdef01", "i-0aaa "] {
            assert!(!is_id("i", bad), "{bad}");
        }
    }

    #[test]
    fn a_backup_id_of_one_cluster_is_never_a_restore_id_of_another() {
        assert!(cluster("orders-r").is_err() && cluster("orders-r-x").is_err() && cluster("orders-rx").is_ok());
    }
}

#[cfg(test)]
#[path = "names_properties.rs"]
mod properties;
