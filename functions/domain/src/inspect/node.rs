//! What refuses an operation by what a node is: its name, its tools, its room, its speed (safety.md, rule 1).

use crate::clusterpro::stat;
use crate::config::Config;
use crate::consistency::Consistency;
use crate::document::FREEZING_TOOLS;
use crate::error::{Error, Kind, Result};
use crate::observation::Node;
use crate::reply::{Full, LEAST_ROOM, STDOUT_LIMIT};

/// Refuses a node for what it is, whatever its cluster does.
pub(super) fn refuse_node(name: &str, node: &Node) -> Result<()> {
    refuse_size(name, node)?;
    refuse_other_name(name, node)?;
    refuse_systemd(name, node)?;
    refuse_tools(name, node)?;
    refuse_full_disk(name, node)
}

/// Refuses a node whose answer could later be longer than Run Command keeps: then converge could not read it.
fn refuse_size(name: &str, node: &Node) -> Result<()> {
    let most = STDOUT_LIMIT - LEAST_ROOM;
    if node.answer_size <= most {
        return Ok(());
    }
    Err(Error::new(
        Kind::ConfigInvalid,
        format!(
            "the state of {name} takes {} characters, more than {most}; while the mirror is broken it takes more, and Run Command \
             keeps {STDOUT_LIMIT}",
            node.answer_size
        ),
        "use shorter names, or fewer resources and monitors in one cluster",
    ))
}

/// Refuses a node that CLUSTERPRO knows by another name. Nothing that is printed of the one would be found by the other.
fn refuse_other_name(name: &str, node: &Node) -> Result<()> {
    match &node.called {
        Some(called) if !stat::is_name_of(called, name) => Err(Error::new(
            Kind::ServerNameMismatch,
            format!("the node that the configuration calls {name} is {called} in CLUSTERPRO"),
            "name the node as clpstat does, in the same letters; if the names are right, the two instance ids are exchanged",
        )),
        _ => Ok(()),
    }
}

/// From this version on `systemd-run` takes the limits and restarts that our units on the node have (systemd's NEWS of 237).
const LEAST_SYSTEMD: u32 = 237;

fn unsupported(found: String) -> Error {
    Error::new(
        Kind::NodeUnsupported,
        found,
        "see the README for the systems that mirrorsnap is for",
    )
}

/// Refuses a node on which no unit of ours could be started: neither the timer that bounds the outage nor the break.
fn refuse_systemd(name: &str, node: &Node) -> Result<()> {
    match node.systemd {
        Some(version) if version >= LEAST_SYSTEMD => Ok(()),
        Some(version) => Err(unsupported(format!(
            "systemd of {name} is version {version}, and {LEAST_SYSTEMD} or later is needed"
        ))),
        None => Err(unsupported(format!(
            "the version of systemd on {name} could not be read"
        ))),
    }
}

/// Refuses a node that lacks a command which a document or CLUSTERPRO's own procedure needs.
fn refuse_tools(name: &str, node: &Node) -> Result<()> {
    // What only a frozen backup needs is for its own inspection to judge.
    let missing: Vec<&str> = node.missing.iter().map(String::as_str).collect();
    let missing: Vec<&str> = missing
        .into_iter()
        .filter(|tool| !FREEZING_TOOLS.contains(tool))
        .collect();
    if !missing.is_empty() {
        return Err(unsupported(format!("{name} has no command {}", missing.join(", "))));
    }
    match node.syncs_files {
        Some(true) => Ok(()),
        Some(false) => Err(unsupported(format!(
            "sync of {name} writes all file systems rather than one file, which may take minutes under the node's lock: coreutils 8.24 \
             or later is needed"
        ))),
        None => Err(unsupported(format!("the version of sync on {name} could not be read"))),
    }
}

/// What an operation wants of /var/lib and /run: its records and outputs take a few KiB, CLUSTERPRO's own scripts and logs some MiB.
const LEAST_FREE_MIB: u64 = 64;

/// Refuses a node whose disk is so full that the evidence of a preparation could be lost after the outage.
fn refuse_full_disk(name: &str, node: &Node) -> Result<()> {
    let found = match node.free_mib {
        // Blocks are free, and inodes are not; or it was remounted read-only.
        Some(_) if !node.full.is_empty() => {
            let all: Vec<&str> = node.full.iter().copied().map(Full::directory).collect();
            format!("no file can be written in {} of {name}", all.join(" and "))
        }
        Some(free) if free >= LEAST_FREE_MIB => return Ok(()),
        Some(free) => format!("{free} MiB are free in /var/lib or /run of {name}, and {LEAST_FREE_MIB} are needed"),
        None => format!("the free space of /var/lib and /run on {name} could not be read"),
    };
    Err(Error::new(
        Kind::DiskSpaceLow,
        found,
        "make room on the node: what a step records after the outage would be lost",
    ))
}

/// Refuses a node on which reading the cluster's state takes so long that the critical section could not end within its deadlines. Once
/// it is quiet, the active reads once that it is, the standby reads before and after its break, and the active reads the break. The groups'
/// absence has room for the baton; a pause has not, so there each command is counted. The baton: a table, one order for each monitor, and
/// each disk's colours. The break: the table that shows the baton, a look, the breaks, and the colours that the active reads.
pub(super) fn refuse_slow_commands(config: &Config, consistency: Consistency, name: &str, node: &Node) -> Result<()> {
    let disks = u64::try_from(config.mirror_disks.len()).unwrap_or(u64::MAX);
    let (stat, mdstat) = (node.took.clpstat, disks * node.took.clpmdstat);
    let times = config.times(consistency);
    let (limits, bound): (&[(&str, u32, u64)], _) = match consistency {
        Consistency::Stopped => (
            &[
                ("split_seconds", config.deadlines().split_seconds, 3 * (stat + mdstat)),
                ("break_seconds", times.span, stat + mdstat),
            ],
            "max_outage_seconds or the deadlines",
        ),
        Consistency::Frozen => (
            &[
                (
                    "the pause's share for the baton",
                    times.baton,
                    stat + disks * stat + mdstat,
                ),
                ("the pause's share for the break", times.split, 2 * stat + 3 * mdstat),
            ],
            "max_pause_seconds",
        ),
    };
    for (what, seconds, needed) in limits {
        if *needed > u64::from(*seconds) * 1000 {
            return Err(Error::new(
                Kind::CommandsTooSlow,
                format!(
                    "clpstat took {stat} ms on {name} and clpmdstat {} ms, so what the backup reads there takes {needed} ms; {what} is {seconds} s",
                    node.took.clpmdstat
                ),
                format!("find out why CLUSTERPRO's commands are slow, or raise {bound} in the cluster's JSON"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::consistency::Consistency;
    use crate::error::{Error, Kind};
    use crate::inspect::{refuse_backup, refuse_restore};
    use crate::observation::Node;
    use crate::reply::{Full, Took};
    use crate::testing::{config, healthy, orders};

    fn with(name: &str, change: &dyn Fn(&mut Node)) -> crate::observation::Observation {
        let mut seen = healthy();
        change(seen.nodes.get_mut(name).unwrap());
        seen
    }

    /// What refuses a backup and a restore alike, on either node.
    fn refused(kind: Kind, change: &dyn Fn(&mut Node)) -> Error {
        let both = ["server1", "server2"].map(|name| {
            let seen = with(name, change);
            let error = refuse_backup(&config(), Consistency::Stopped, &seen).unwrap_err();
            assert_eq!(
                (error.kind(), refuse_restore(&config(), &seen).unwrap_err().kind()),
                (kind, kind),
                "{name}"
            );
            assert!(error.to_string().contains(name), "{error}");
            error
        });
        let [_, error] = both;
        error
    }

    #[test]
    fn a_node_without_what_the_documents_need_is_refused() {
        let error = refused(Kind::NodeUnsupported, &|node| {
            node.missing = vec!["flock".into(), "lsblk".into()];
        });
        assert!(error.to_string().contains("flock, lsblk"), "{error}");
        refused(Kind::NodeUnsupported, &|node| node.syncs_files = Some(false));
        refused(Kind::NodeUnsupported, &|node| node.syncs_files = None);
    }

    #[test]
    fn a_full_disk_is_refused() {
        refused(Kind::DiskSpaceLow, &|node| node.free_mib = Some(63));
        refused(Kind::DiskSpaceLow, &|node| node.free_mib = None);
        refused(Kind::DiskSpaceLow, &|node| node.full = vec![Full::Root]);
        assert!(
            refuse_backup(
                &config(),
                Consistency::Stopped,
                &with("server1", &|node| node.free_mib = Some(64))
            )
            .is_ok()
        );
    }

    #[test]
    fn a_node_of_another_name_is_told_by_both_names() {
        for called in ["db1", "SERVER2", "server2.example.com", "server"] {
            let error = refused(Kind::ServerNameMismatch, &|node| node.called = Some(called.into()));
            assert!(error.to_string().contains(called), "{error}");
        }
        // Without a table there is no name; what refuses then is that the daemon does not answer.
        assert!(
            refuse_backup(
                &config(),
                Consistency::Stopped,
                &with("server1", &|node| node.called = None)
            )
            .is_ok()
        );
    }

    #[test]
    fn commands_that_do_not_fit_the_deadlines_are_refused() {
        let judged = |clpstat, clpmdstat, deadlines| {
            let mut json = orders();
            json["deadlines"] = deadlines;
            let config = Config::parse("orders", &json.to_string()).unwrap();
            let seen = with("server2", &|node| node.took = Took { clpstat, clpmdstat });
            refuse_backup(&config, Consistency::Stopped, &seen).map_err(|error| error.kind())
        };
        // 120 s: 20 for the split, 10 for the break.
        let shares = || serde_json::Value::Null;
        assert!(judged(3333, 3333, shares()).is_ok());
        assert_eq!(judged(3334, 3333, shares()), Err(Kind::CommandsTooSlow));
        let short = || {
            serde_json::json!({"group_stop_seconds": 60, "split_seconds": 20, "group_start_seconds": 40, "break_seconds": 2,
                               "not_after_seconds": 180})
        };
        assert!(judged(1000, 1000, short()).is_ok());
        assert_eq!(judged(1000, 1001, short()), Err(Kind::CommandsTooSlow));
    }
}
