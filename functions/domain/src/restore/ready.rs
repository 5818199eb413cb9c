//! The check before the first post-processing: both nodes run in a new boot, in restore mode, with the new volumes, and every
//! partition is on its volume (safety.md, rules 1, 16, 17 and 18).

use crate::clusterpro::outputs::{self, Services};
use crate::config::Config;
use crate::converge::starts::{self, Due, Lack, MOST_OTHER};
use crate::converge::{Memory, Try, skip_copy_proof};
use crate::devices;
use crate::document::{Attempt, Document, SkipCopy, name::ENTER_RESTORE_MODE};
use crate::error::{Error, Kind};
use crate::intent::Intent;
use crate::observation::{Observation, Power};
use crate::steps::{NOT_AFTER_SECONDS, Step};

/// How often a node that came up is started again.
const MOST_STARTS: u32 = 4;

/// Whether the post-processing may be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// Yes: these steps, one for each node.
    Yes(Vec<Step>),
    /// Not yet: this is missing.
    NotYet(String),
    /// These nodes are stopped although they were started, and are started again now.
    Off(Vec<String>),
    /// A partition is not on its volume. Just after a boot it may still appear.
    Mismatch(Error),
    /// No, and it never will.
    Never(Error),
}

/// Judges both nodes.
pub fn ready(config: &Config, intent: &Intent, seen: &Observation, memory: &Memory) -> Ready {
    let never = |found: String| {
        let next = "nothing by hand: the old volumes are put back; then run `mirrorsnap restore CLUSTER` again";
        Ready::Never(Error::new(Kind::PreparationUnproven, found, next))
    };
    let settled = |found: String| {
        let next = "nothing by hand: the old volumes are put back; then run `mirrorsnap restore CLUSTER` again";
        Ready::Mismatch(Error::new(Kind::PreparationUnproven, found, next))
    };
    let mut steps = Vec::new();
    // Checked first: a stopped node is started without waiting for the other node's answer.
    if let Some(off) = stopped(config, seen, memory) {
        return off;
    }
    for name in config.node_names() {
        let Some(node) = seen.node(name) else {
            return Ready::NotYet(format!(
                "{name} boots ({})",
                seen.silent.get(name).map_or("no answer", String::as_str)
            ));
        };
        let old_boot = intent.boots.get(name);
        if old_boot == Some(&node.boot_id) {
            return Ready::NotYet(format!("{name} still answers from the boot before"));
        }
        let prepared = node.job(ENTER_RESTORE_MODE).filter(|(_, job, out)| {
            job.started.as_ref().map(|started| &started.boot_id) == old_boot
                && job
                    .ended
                    .as_ref()
                    .is_some_and(|ended| outputs::restore_prepared(ended.rc, out))
        });
        let contradicts = if prepared.is_none() {
            Some("no preparation is recorded that succeeded in the boot before")
        } else if node.services != Services::Manual {
            Some("its cluster services are not all set to start by hand")
        } else {
            node.stat.as_ref().map(|_| "its cluster daemon runs")
        };
        if let Some(what) = contradicts {
            return never(format!(
                "{name} is not proved to have stopped by its preparation for the restore: {what}"
            ));
        }
        let volumes = seen
            .instances
            .get(name)
            .map(|instance| instance.volumes.clone())
            .unwrap_or_default();
        // A describe may be from before the volumes were exchanged, while the node answers from the boot after it.
        if let Some(one) = intent
            .attachments(name)
            .find(|one| volumes.get(&one.device) != Some(&one.new))
        {
            return settled(format!("EC2 does not show {} at {} of {name}", one.new, one.device));
        }
        if let Err(error) = devices::gate(config, name, &volumes, node) {
            return Ready::Mismatch(error);
        }
        // Sent only with the proof, which is asked for below.
        let document = Document::PostProcessRestore {
            skip_copy: SkipCopy::Yes,
            disks: config.mirror_disks.iter().map(|disk| disk.name.clone()).collect(),
        };
        steps.push(Step::new(document, name, &intent.id).guarded(node, NOT_AFTER_SECONDS, Attempt::FIRST));
    }
    if !config
        .node_names()
        .all(|name| skip_copy_proof(config, intent, seen, name) == SkipCopy::Yes)
    {
        return never("the attached volumes are not one snapshot's on both nodes".to_owned());
    }
    Ready::Yes(steps)
}

/// What becomes of stopped nodes; `None`: no node is stopped.
fn stopped(config: &Config, seen: &Observation, memory: &Memory) -> Option<Ready> {
    let (mut now, mut later) = (vec![], None);
    for name in config.node_names().filter(|name| seen.power(name) == Power::Stopped) {
        let refusals = memory.starts.get(name).and_then(|start| start.refusals.as_ref());
        let tried = memory.tried(&Try::Start(name.to_owned()));
        // The old volumes may start where the new ones do not; they do not where EC2 has no capacity.
        let gives_up = match refusals {
            Some(refusals) if refusals.lack == Lack::Capacity => false,
            Some(refusals) => refusals.times >= MOST_OTHER,
            None => tried >= MOST_STARTS,
        };
        if gives_up {
            let why = refusals.map_or("it did not stay up", |refusals| refusals.why.as_str());
            return Some(Ready::Never(Error::new(
                Kind::NodeUnreachable,
                format!("{name} was started {} times and is stopped: {why}", tried + 1),
                "look at the instance's system log; the old volumes are put back",
            )));
        }
        match starts::due(&memory.starts, name, seen.at) {
            Due::Now => now.push(name.to_owned()),
            Due::Later(why) => later = Some(Ready::NotYet(why)),
        }
    }
    if now.is_empty() { later } else { Some(Ready::Off(now)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converge::starts::Refusals;
    use crate::ids::{Id, IdKind};
    use crate::intent::{Attachment, Disturbance};
    use crate::restore;
    use crate::testing;

    type Change<'a> = &'a dyn Fn(&mut Intent, &mut Observation);

    const PREPARED: &str = "clprestore.sh : Changing the setting of cluster services to Manual Startup.\n\
                            clprestore.sh : Shutting down...\n";

    /// Both nodes up again in restore mode, on their new volumes.
    fn both() -> (Intent, Observation) {
        let (config, mut seen) = (testing::config(), testing::healthy());
        let id = Id::new(IdKind::Restore, "orders", seen.at).unwrap();
        let made: Vec<Attachment> = ["server1", "server2"]
            .map(|node| Attachment {
                node: node.into(),
                device: "/dev/sdb".into(),
                old: seen.instances[node].volumes["/dev/sdb"].clone(),
                new: format!("vol-fee{}", &node[6..]).into(),
                snapshot: "snap-001".into(),
                delete_on_termination: false,
            })
            .into();
        let planned = restore::intent_for_tests(&config, &id, Some("server1"), &seen);
        let intent = restore::disturbing(&config, &planned, &seen, &made);
        for one in &made {
            let volumes = &mut seen.instances.get_mut(&one.node).unwrap().volumes;
            volumes.insert(one.device.clone(), one.new.clone());
            let node = seen.nodes.get_mut(&one.node).unwrap();
            let boot_id = node.boot_id.clone();
            node.jobs
                .insert("enter-restore-mode.1".into(), testing::job(&boot_id, Some(0)));
            node.outs.insert("enter-restore-mode.1".into(), PREPARED.into());
            node.boot_id = format!("next-{}", one.node);
            (node.services, node.stat) = (Services::Manual, None);
        }
        (intent, seen)
    }

    fn judged(change: impl FnOnce(&mut Intent, &mut Observation)) -> Ready {
        let (mut intent, mut seen) = both();
        change(&mut intent, &mut seen);
        ready(&testing::config(), &intent, &seen, &Memory::default())
    }

    #[test]
    fn both_are_processed_without_a_copy() {
        let Ready::Yes(steps) = judged(|_, _| ()) else {
            panic!("not ready")
        };
        let told: Vec<_> = steps
            .iter()
            .map(|step| (step.node.as_str(), step.parameters().0["SkipCopy"].clone()))
            .collect();
        assert_eq!(told, [("server1", "yes".to_owned()), ("server2", "yes".to_owned())]);
        assert!(
            steps
                .iter()
                .all(|step| step.parameters().0["ExpectedBootId"] == format!("next-{}", step.node))
        );
    }

    #[test]
    fn what_is_waited_for() {
        let silent = judged(|_, seen| drop(seen.nodes.remove("server2")));
        assert!(matches!(silent, Ready::NotYet(why) if why.contains("server2")));
        let before = judged(|_, seen| seen.nodes.get_mut("server2").unwrap().boot_id = "boot-server2".into());
        assert!(matches!(before, Ready::NotYet(why) if why.contains("the boot before")));
        // The state of the other node makes no difference.
        for peer_answers in [true, false] {
            let off = judged(|_, seen| {
                seen.instances.get_mut("server2").unwrap().power = Power::Stopped;
                seen.nodes.remove("server2");
                if !peer_answers {
                    seen.nodes.remove("server1");
                }
            });
            assert!(
                matches!(off, Ready::Off(nodes) if nodes == ["server2"]),
                "{peer_answers}"
            );
        }
    }

    /// What is said while server2 is stopped, after this many starts that came to nothing for this reason.
    fn stopped_after(times: u32, lack: Lack, waited: i64) -> Ready {
        let (intent, mut seen) = both();
        seen.instances.get_mut("server2").unwrap().power = Power::Stopped;
        seen.nodes.remove("server2");
        let mut memory = Memory::default();
        for _ in 0..times {
            memory.start("server2", &seen);
            let start = memory.starts.get_mut("server2").unwrap();
            let why = "EC2 said why".to_owned();
            let (since, of, told) = (seen.at, start.at, 1);
            start.refusals = Some(Refusals {
                since,
                times,
                of,
                told,
                lack,
                why,
            });
        }
        seen.at = seen.at.plus(waited);
        ready(&testing::config(), &intent, &seen, &memory)
    }

    #[test]
    fn a_node_that_does_not_start_is_started_again_while_that_may_help() {
        for lack in [Lack::Capacity, Lack::Other] {
            assert!(matches!(stopped_after(1, lack, 59), Ready::NotYet(why) if why.contains("EC2 said why")));
            assert!(matches!(stopped_after(1, lack, 60), Ready::Off(nodes) if nodes == ["server2"]));
            assert!(matches!(stopped_after(2, lack, 299), Ready::NotYet(_)));
        }
        assert!(matches!(stopped_after(50, Lack::Capacity, 300), Ready::Off(_)));
        let Ready::Never(error) = stopped_after(3, Lack::Other, 0) else {
            panic!("a key that is denied is tried for ever")
        };
        assert_eq!(error.kind(), Kind::NodeUnreachable);
        assert!(error.to_string().contains("EC2 said why"), "{error}");
    }

    #[test]
    fn a_node_that_comes_up_and_goes_down_again_is_started_a_few_times() {
        let (intent, mut seen) = both();
        let mut memory = Memory::default();
        seen.instances.get_mut("server2").unwrap().power = Power::Stopped;
        seen.nodes.remove("server2");
        for _ in 0..MOST_STARTS {
            assert!(matches!(
                ready(&testing::config(), &intent, &seen, &memory),
                Ready::Off(_)
            ));
            memory.start("server2", &seen);
            // It answered in between.
            memory.starts.clear();
        }
        assert!(matches!(
            ready(&testing::config(), &intent, &seen, &memory),
            Ready::Never(_)
        ));
    }

    #[test]
    fn what_is_never_processed() {
        let failed = |_: &mut Intent, seen: &mut Observation| {
            let jobs = &mut seen.nodes.get_mut("server2").unwrap().jobs;
            jobs.get_mut("enter-restore-mode.1").unwrap().ended.as_mut().unwrap().rc = 1;
        };
        let unsaid = |_: &mut Intent, seen: &mut Observation| {
            seen.nodes.get_mut("server2").unwrap().outs.clear();
        };
        let auto = |_: &mut Intent, seen: &mut Observation| {
            seen.nodes.get_mut("server2").unwrap().services = Services::Auto;
        };
        let daemon = |_: &mut Intent, seen: &mut Observation| {
            seen.nodes.get_mut("server2").unwrap().stat = testing::node("server2").stat;
        };
        let other_boot = |intent: &mut Intent, _: &mut Observation| {
            intent.boots.insert("server2".into(), "another".into());
        };
        let two_snapshots = |intent: &mut Intent, _: &mut Observation| {
            for one in &mut intent.disturbances {
                match one {
                    Disturbance::Attachment(one) if one.node == "server2" => one.snapshot = "snap-002".into(),
                    _ => {}
                }
            }
        };
        // Two checks give the same kind of error; the words tell which of them it was.
        let (stopped, proof) = (
            "server2 is not proved to have stopped by its preparation",
            "not one snapshot's",
        );
        let cases: [(&str, Change<'_>, &str); 6] = [
            ("failed", &failed, "no preparation is recorded"),
            ("unsaid", &unsaid, "no preparation is recorded"),
            ("auto", &auto, "not all set to start by hand"),
            ("daemon", &daemon, "its cluster daemon runs"),
            ("other boot", &other_boot, stopped),
            ("two snapshots", &two_snapshots, proof),
        ];
        for (name, change, found) in cases {
            let Ready::Never(error) = judged(change) else {
                panic!("{name}: {:?}", judged(change))
            };
            assert_eq!(error.kind(), Kind::PreparationUnproven, "{name}");
            assert!(error.to_string().contains(found), "{name}: {error}");
        }
    }

    #[test]
    fn a_volume_that_ec2_shows_from_before_the_exchange_is_waited_for() {
        let mismatch = judged(|intent, seen| {
            let old = intent.attachments("server2").next().unwrap().old.clone();
            let volumes = &mut seen.instances.get_mut("server2").unwrap().volumes;
            volumes.insert("/dev/sdb".into(), old);
        });
        assert!(matches!(mismatch, Ready::Mismatch(error) if error.kind() == Kind::PreparationUnproven));
    }

    #[test]
    fn a_partition_on_another_disk_is_a_mismatch() {
        let mismatch = judged(|_, seen| drop(seen.nodes.get_mut("server2").unwrap().devices.remove("/dev/xvdb2")));
        assert!(matches!(mismatch, Ready::Mismatch(error) if error.kind() == Kind::DeviceMismatch));
    }
}
