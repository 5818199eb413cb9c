//! A node step: one command document on one node, with its parameters (docs/documents.md).

use crate::config::Config;
use crate::document::{AskedSettings, Attempt, Cluster, Document, Parameters, Parts, Quiet, Recorded, TimerDone};
use crate::error::{Error, Kind, Result};
use crate::intent::Intent;
use crate::observation::Node;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long after an observation a guarded document of converge may begin to act.
pub const NOT_AFTER_SECONDS: u64 = 300;

/// One command document on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct Step {
    /// Which document.
    pub document: Document,
    /// The node.
    pub node: String,
    /// The operation that it is sent for.
    pub run: String,
    /// When it may still act, and which try it is; `None` only of documents that take neither.
    pub guard: Option<Guard>,
    /// The epoch under which it is sent: the sender's claim, and never part of a step as JSON.
    pub epoch: Option<u64>,
}

/// What keeps a document from acting late, after a boot, or twice (safety.md, rule 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The boot in which it may act.
    pub boot_id: String,
    /// Until then, in seconds of that boot.
    pub not_after_uptime: u64,
    /// Which try.
    pub attempt: Attempt,
}

/// A step as JSON: what the state machines carry from one function to the next.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    document: String,
    node: String,
    /// Except the epoch, which is the caller's claim.
    parameters: Parameters,
}

impl From<Step> for Wire {
    fn from(step: Step) -> Self {
        Self {
            document: step.document.name().to_owned(),
            parameters: step.parameters(),
            node: step.node,
        }
    }
}

impl TryFrom<Wire> for Step {
    type Error = Error;

    fn try_from(mut wire: Wire) -> Result<Self> {
        let all = &mut wire.parameters;
        let document = Document::take(&wire.document, &wire.node, all)?;
        let run = all.take("Run")?;
        let guard = if all.0.contains_key("NotAfterUptime") {
            Some(Guard {
                boot_id: all.take("ExpectedBootId")?,
                not_after_uptime: all.take_word("NotAfterUptime", |text| text.parse().ok())?,
                attempt: all.take_word("Attempt", Attempt::parse)?,
            })
        } else {
            None
        };
        match all.0.keys().next() {
            None => Ok(Self {
                document,
                node: wire.node,
                run,
                guard,
                epoch: None,
            }),
            Some(name) => Err(Error::new(
                Kind::InputInvalid,
                format!("{} takes no parameter {name:?}", document.name()),
                "pass a step as assess or a plan gives it",
            )),
        }
    }
}

fn owned<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// What there is to look at on `node`.
fn parts(config: &Config, node: &str) -> Parts {
    let of_disk = || config.mirror_disks.iter();
    Parts {
        groups: config.failover_groups.clone(),
        disks: disks(config),
        monitors: owned(of_disk().map(|disk| disk.monitor.as_str())),
        devices: owned(of_disk().flat_map(|d| [d.cluster_partition.on(node), d.data_partition.on(node)])),
    }
}

fn disks(config: &Config) -> Vec<String> {
    owned(config.mirror_disks.iter().map(|disk| disk.name.as_str()))
}

impl Step {
    /// A document for `run` without a guard.
    pub fn new(document: Document, node: &str, run: &str) -> Self {
        Self {
            document,
            node: node.to_owned(),
            run: run.to_owned(),
            guard: None,
            epoch: None,
        }
    }

    /// Sent under this epoch.
    #[must_use]
    pub const fn under(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// All parameters, as they are sent.
    pub fn parameters(&self) -> Parameters {
        let mut all = self.document.parameters(&self.node);
        all.text("Run", &self.run);
        if let Some(guard) = &self.guard {
            all.text("ExpectedBootId", &guard.boot_id)
                .number("NotAfterUptime", guard.not_after_uptime)
                .number("Attempt", guard.attempt);
        }
        if let Some(epoch) = self.epoch {
            all.number("Epoch", epoch);
        }
        all
    }

    /// Guarded: only in the boot that was seen, and not after `seconds` from then.
    #[must_use]
    pub fn guarded(mut self, seen: &Node, seconds: u64, attempt: Attempt) -> Self {
        self.guard = Some(Guard {
            boot_id: seen.boot_id.clone(),
            not_after_uptime: seen.uptime.saturating_add(seconds).max(1),
            attempt,
        });
        self
    }

    /// The observation of a node.
    pub fn observe(config: &Config, node: &str, run: &str, settings: AskedSettings) -> Self {
        let parts = parts(config, node);
        Self::new(Document::Observe { parts, settings }, node, run)
    }

    /// The recording of a node.
    pub fn doctor(config: &Config, node: &str, run: &str) -> Self {
        Self::new(Document::Doctor(parts(config, node)), node, run)
    }

    /// `describe`, of which `part` is asked for.
    pub fn describe(config: &Config, node: &str, run: &str, part: u32) -> Self {
        let devices = parts(config, node).devices;
        Self::new(Document::Describe { devices, part }, node, run)
    }

    /// Stops `groups` on `node` behind its own timer, before both nodes shut down.
    pub fn quiesce_restore<'a>(
        config: &Config,
        node: &str,
        peer: &str,
        run: &str,
        groups: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let times = config.deadlines();
        let document = Document::QuiesceRestore {
            cluster: cluster(peer, groups),
            disks: disks(config),
            stop: times.group_stop_seconds,
            start: times.group_start_seconds,
            max_outage: config.max_outage_seconds,
        };
        Self::new(document, node, run)
    }

    /// Prepares `node` for a restore and shuts it down. `clprestore.sh --pre` is killed after 900 s, as the vendor's REST API
    /// does it, or after half of `max_restore_outage_seconds` if that is shorter: the other half is left for putting the old volumes back.
    pub fn enter_restore_mode(
        config: &Config,
        node: &str,
        peer: &str,
        run: &str,
        timer: TimerDone,
        recorded: Recorded,
    ) -> Self {
        let document = Document::EnterRestoreMode {
            cluster: cluster(peer, config.failover_groups.iter().map(String::as_str)),
            prepare: (config.max_restore_outage_seconds / 2).clamp(1, 900),
            timer,
            recorded,
        };
        Self::new(document, node, run)
    }

    /// The steps of a backup, by the state that runs them. `quiet`: how the active becomes quiet.
    pub fn of_backup(
        config: &Config,
        intent: &Intent,
        quiet: Quiet,
        active: &Node,
        standby: &Node,
    ) -> BTreeMap<&'static str, Self> {
        let consistency = quiet.consistency();
        let times = config.times(consistency);
        let active_within = config.deadlines().not_after_seconds;
        let not_after = u64::from(active_within);
        // A slow group stop delays the steps after it, for at most the section's own limits.
        let late = u64::from(intent.quiet_after_seconds) + NOT_AFTER_SECONDS;
        let (a, s, run) = (intent.active.as_str(), intent.standby.as_str(), intent.id.as_str());
        let seen_by = |peer: &str| cluster(peer, config.failover_groups.iter().map(String::as_str));
        let partitions = |node: &str| owned(config.mirror_disks.iter().map(|disk| disk.data_partition.on(node)));
        let monitors = || owned(config.mirror_disks.iter().map(|disk| disk.monitor.as_str()));
        let on_active = |document| Self::new(document, a, run).guarded(active, not_after, Attempt::FIRST);
        let on_standby = |document, seconds| Self::new(document, s, run).guarded(standby, seconds, Attempt::FIRST);
        BTreeMap::from([
            (
                "suspend_monitors",
                on_active(Document::SuspendMonitors {
                    // The active suspends its own in the outage, as the baton.
                    nodes: vec![s.to_owned()],
                    monitors: monitors(),
                }),
            ),
            (
                "split",
                on_standby(
                    Document::BreakUnit {
                        cluster: seen_by(a),
                        disks: disks(config),
                        monitors: monitors(),
                        partitions: partitions(s),
                        wait: config.standby_wait_seconds(consistency),
                        span: times.span,
                        active_within,
                        stop: times.stop,
                        baton: times.baton,
                        consistency,
                    },
                    not_after,
                ),
            ),
            (
                "quiesce",
                on_active(Document::Quiesce {
                    cluster: seen_by(s),
                    disks: disks(config),
                    monitors: monitors(),
                    partitions: partitions(a),
                    stop: times.stop,
                    baton: times.baton,
                    split: times.split,
                    start: times.start,
                    max_outage: times.most,
                    hook: config.hook_seconds,
                    quiet,
                }),
            ),
            (
                "enter_backup_mode",
                on_standby(
                    Document::EnterBackupMode {
                        cluster: seen_by(a),
                        disks: disks(config),
                        monitors: monitors(),
                    },
                    late,
                ),
            ),
        ])
    }
}

/// What a document needs to know of the cluster.
pub fn cluster<'a>(peer: &str, groups: impl IntoIterator<Item = &'a str>) -> Cluster {
    Cluster {
        peer: peer.to_owned(),
        groups: owned(groups),
    }
}
