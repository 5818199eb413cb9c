//! The calls of EC2 that change something, with EC2's own refusals. What must never be called is noted in `wrong`.

use super::ec2::{Answer, Attached, Ec2, Fast, Link, Power, Side, Snapshot, Tags, Volume, VolumeState, code};
use super::{Ms, SECOND};

/// Most tags of a resource, and the longest value of one.
pub(crate) const MOST_TAGS: usize = 50;
pub(crate) const LONGEST_VALUE: usize = 256;
/// EC2 takes so many snapshots of one volume within [`RATE_SPAN`].
const RATE: usize = 5;
const RATE_SPAN: Ms = 15 * SECOND;

/// What tells the content that somebody wrote from that of the cluster.
const STRAY: u32 = 1_000_000;

impl Ec2 {
    // ── instances ───────────────────────────────────────────────────────────────────────────────────────────────────

    pub(crate) fn start(&mut self, id: &str) -> Answer<()> {
        let now = self.now;
        match self.instance(id).map(|one| one.power) {
            None => code(
                "InvalidInstanceID.NotFound",
                format!("The instance ID '{id}' does not exist"),
            ),
            Some(Power::Pending | Power::Running) => Ok(()),
            Some(Power::Stopping) => code(
                "IncorrectInstanceState",
                format!("The instance '{id}' is not in a state from which it can be started."),
            ),
            Some(Power::Stopped) => {
                if self.shown.volumes.values().any(|one| {
                    let at = one.attached.as_ref().filter(|at| at.instance == id);
                    at.is_some_and(|at| at.link != Link::Attached)
                }) {
                    self.wrong
                        .push(format!("{id} was started while a volume was on its way"));
                }
                self.change(|shown| {
                    let one = shown.instances.get_mut(id).unwrap();
                    (one.power, one.until, one.reason, one.launched) = (Power::Pending, now + 5 * SECOND, None, now);
                });
                Ok(())
            }
        }
    }

    pub(crate) fn stop(&mut self, id: &str, reason: &str) -> Answer<()> {
        let now = self.now;
        match self.instance(id).map(|one| one.power) {
            None => code(
                "InvalidInstanceID.NotFound",
                format!("The instance ID '{id}' does not exist"),
            ),
            Some(Power::Stopped | Power::Stopping) => Ok(()),
            Some(Power::Pending) => code("IncorrectInstanceState", format!("The instance '{id}' is pending")),
            Some(Power::Running) => {
                self.change(|shown| {
                    let one = shown.instances.get_mut(id).unwrap();
                    (one.power, one.until, one.reason) = (Power::Stopping, now + 8 * SECOND, Some(reason.to_owned()));
                });
                Ok(())
            }
        }
    }

    /// The host is gone; EC2 shows the instance as stopped.
    pub(crate) fn power_fails(&mut self, id: &str) {
        self.change(|shown| {
            let one = shown.instances.get_mut(id).unwrap();
            if one.power != Power::Stopped {
                (one.power, one.reason) = (Power::Stopped, Some("Server.InternalError: Instance failed".to_owned()));
            }
        });
    }

    // ── tags ────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn tags(&mut self, resource: &str) -> Answer<&mut Tags> {
        let (now, newborn) = (self.now, self.newborn);
        let knows = |made: Ms| made == 0 || now >= made + newborn;
        let shown = &mut self.shown;
        let found = match resource.split_once('-') {
            Some(("vol", _)) => shown
                .volumes
                .get_mut(resource)
                .filter(|one| knows(one.made))
                .map(|one| &mut one.tags),
            Some(("snap", _)) => {
                let found = shown.snapshots.get_mut(resource).filter(|one| knows(one.started));
                found.map(|one| &mut one.tags)
            }
            _ => None,
        };
        let kind = if resource.starts_with("snap") {
            "Snapshot"
        } else {
            "Volume"
        };
        match found {
            Some(tags) => Ok(tags),
            None => code(
                &format!("Invalid{kind}.NotFound"),
                format!("The {} '{resource}' does not exist.", kind.to_lowercase()),
            ),
        }
    }

    pub(crate) fn tag(&mut self, resources: &[String], tags: &Tags) -> Answer<()> {
        self.change(|_| ());
        for resource in resources {
            let mut next = self.tags(resource)?.clone();
            next.extend(tags.clone());
            within_limits(&next)?;
        }
        for resource in resources {
            self.tags(resource)?.extend(tags.clone());
        }
        Ok(())
    }

    pub(crate) fn untag(&mut self, resources: &[String], keys: &[String]) -> Answer<()> {
        self.change(|_| ());
        for resource in resources {
            let of = self.tags(resource)?.get("mirrorsnap:restore-id").cloned();
            // A repeat finds no tag any more.
            let released = self.released.is_some() && (of.is_none() || of == self.released);
            let unmarks = keys.iter().any(|key| key == "mirrorsnap:attached");
            if unmarks && !released && self.ever_attached.contains(resource) {
                self.wrong.push(format!(
                    "{resource} lost the tag attached though AttachVolume was sent for it"
                ));
            }
            self.tags(resource)?.retain(|key, _| !keys.contains(key));
        }
        Ok(())
    }
}

/// The limits of EC2's tags.
pub(crate) fn within_limits(tags: &Tags) -> Answer<()> {
    if tags.len() > MOST_TAGS {
        return code(
            "TagLimitExceeded",
            format!("{} tags, more than {MOST_TAGS}", tags.len()),
        );
    }
    match tags.iter().find(|(_, value)| value.chars().count() > LONGEST_VALUE) {
        None => Ok(()),
        Some((key, _)) => code(
            "InvalidParameterValue",
            format!("Tag value of {key} exceeds {LONGEST_VALUE} characters"),
        ),
    }
}

// ── volumes and snapshots ───────────────────────────────────────────────────────────────────────────────────────────

/// A CreateVolume.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewVolume {
    pub(crate) snapshot: String,
    pub(crate) token: String,
    pub(crate) tags: Tags,
    pub(crate) zone: String,
}

impl Ec2 {
    pub(crate) fn create_volume(&mut self, new: NewVolume) -> Answer<String> {
        if let Some((id, one)) = self.shown.volumes.iter().find(|(_, one)| one.token == new.token) {
            return if one.snapshot == new.snapshot {
                Ok(id.clone())
            } else {
                code(
                    "IdempotentParameterMismatch",
                    "the token was used with another snapshot",
                )
            };
        }
        within_limits(&new.tags)?;
        let Some(snapshot) = self.shown.snapshots.get(&new.snapshot) else {
            return code(
                "InvalidSnapshot.NotFound",
                format!("The snapshot '{}' does not exist.", new.snapshot),
            );
        };
        if snapshot.completes > self.now {
            return code(
                "IncorrectState",
                format!("Snapshot is in invalid state - pending: {}", new.snapshot),
            );
        }
        let (content, now) = (snapshot.content, self.now);
        let fast = self.shown.fast.get(&(new.snapshot.clone(), new.zone.clone()));
        let fast = fast.is_some_and(|one| one.on);
        let id = self.id("vol");
        self.change(|shown| {
            let volume = Volume {
                state: VolumeState::Creating(now + 3 * SECOND),
                made: now,
                snapshot: new.snapshot,
                token: new.token,
                fast,
                attached: None,
                tags: new.tags,
                content,
                side: Side::Blank,
                ahead: false,
            };
            shown.volumes.insert(id.clone(), volume);
        });
        Ok(id)
    }

    fn volume(&self, id: &str) -> Answer<&Volume> {
        match self.shown.volumes.get(id).filter(|one| self.knows(one.made)) {
            Some(volume) => Ok(volume),
            None => code("InvalidVolume.NotFound", format!("The volume '{id}' does not exist.")),
        }
    }

    fn running(&self, instance: &str) -> bool {
        self.instance(instance).is_none_or(|one| one.power != Power::Stopped)
    }

    pub(crate) fn attach(&mut self, id: &str, instance: &str, device: &str) -> Answer<()> {
        self.ever_attached.insert(id.to_owned());
        let volume = self.volume(id)?;
        if !volume.tags.contains_key("mirrorsnap:attached") && !volume.token.is_empty() {
            self.wrong
                .push(format!("AttachVolume was sent for {id} without the tag attached"));
        }
        let volume = self.volume(id)?;
        if let Some(at) = &volume.attached {
            return code(
                "VolumeInUse",
                format!("{id} is already attached to an instance ({})", at.instance),
            );
        }
        if volume.state != VolumeState::Made {
            return code("IncorrectState", format!("Volume '{id}' is not 'available'."));
        }
        if self.at(instance, device).is_some() {
            return code(
                "InvalidParameterValue",
                format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"),
            );
        }
        if self.running(instance) {
            self.wrong
                .push(format!("{id} was attached to {instance}, which is not stopped"));
        }
        let attached = Attached {
            instance: instance.to_owned(),
            device: device.to_owned(),
            link: Link::Attaching,
            until: self.now + SECOND,
            delete_on_termination: false,
        };
        self.change(|shown| shown.volumes.get_mut(id).unwrap().attached = Some(attached));
        Ok(())
    }

    pub(crate) fn detach(&mut self, id: &str, instance: &str, device: &str) -> Answer<()> {
        let Some(at) = self.volume(id)?.attached.clone() else {
            return code("IncorrectState", format!("Volume '{id}' is in the 'available' state."));
        };
        if at.instance != instance || at.device != device {
            return code(
                "InvalidAttachment.NotFound",
                format!("{id} is not attached to {instance} as {device}"),
            );
        }
        if at.link == Link::Detaching {
            return code("IncorrectState", format!("Volume '{id}' is in the 'detaching' state."));
        }
        if self.running(instance) {
            self.wrong
                .push(format!("{id} was detached from {instance}, which is not stopped"));
        }
        let until = self.now + 2 * SECOND;
        self.change(|shown| {
            let at = shown.volumes.get_mut(id).unwrap().attached.as_mut().unwrap();
            (at.link, at.until) = (Link::Detaching, until);
        });
        Ok(())
    }

    pub(crate) fn delete_volume(&mut self, id: &str) -> Answer<()> {
        let volume = self.volume(id)?;
        if let VolumeState::Deleting(_) = volume.state {
            return Ok(());
        }
        if volume.attached.is_some() {
            return code("VolumeInUse", format!("Volume {id} is currently attached"));
        }
        if let VolumeState::Creating(_) = volume.state {
            return code("IncorrectState", format!("Volume '{id}' is in the 'creating' state."));
        }
        let foreign = volume.token.is_empty();
        if self.ever_attached.contains(id) {
            self.wrong.push(format!(
                "{id} was deleted though AttachVolume was sent for it (rule 19)"
            ));
        }
        if foreign {
            self.wrong
                .push(format!("{id} was deleted, which the service did not make (rule 19)"));
        }
        self.deleted.insert(id.to_owned());
        let gone = self.now + SECOND;
        self.change(|shown| shown.volumes.get_mut(id).unwrap().state = VolumeState::Deleting(gone));
        Ok(())
    }

    pub(crate) fn delete_on_termination(&mut self, instance: &str, device: &str) -> Answer<()> {
        let Some(id) = self.at(instance, device).cloned() else {
            return code(
                "InvalidInstanceAttributeValue",
                format!("No device is currently mapped at {device}"),
            );
        };
        self.change(|shown| {
            let at = shown.volumes.get_mut(&id).unwrap().attached.as_mut().unwrap();
            at.delete_on_termination = true;
        });
        Ok(())
    }

    /// One crash-consistent set of these volumes.
    pub(crate) fn create_snapshots(&mut self, volumes: &[String], tags: &Tags) -> Answer<Vec<(String, String)>> {
        within_limits(tags)?;
        let since = self.now.saturating_sub(RATE_SPAN);
        for id in volumes {
            self.volume(id)?;
            let recent = self
                .shown
                .snapshots
                .values()
                .filter(|one| &one.volume == id && one.started > since);
            if recent.count() >= RATE {
                return code(
                    "SnapshotCreationPerVolumeRateExceeded",
                    format!("too many snapshots of {id}"),
                );
            }
        }
        let made: Vec<(String, String)> = volumes.iter().map(|id| (self.id("snap"), id.clone())).collect();
        let (now, contents) = (self.now, made.clone());
        let stray = if self.stray { STRAY } else { 0 };
        self.change(|shown| {
            for (id, volume) in contents {
                let content = shown.volumes[&volume].content + stray;
                let snapshot = Snapshot {
                    volume,
                    started: now,
                    completes: now + 20 * SECOND,
                    tags: tags.clone(),
                    content,
                    tier: mirrorsnap_domain::catalogue::Tier::Standard,
                };
                shown.snapshots.insert(id, snapshot);
            }
        });
        Ok(made)
    }

    pub(crate) fn delete_snapshot(&mut self, id: &str) -> Answer<()> {
        if !self.shown.snapshots.contains_key(id) {
            return code(
                "InvalidSnapshot.NotFound",
                format!("The snapshot '{id}' does not exist."),
            );
        }
        self.deleted.insert(id.to_owned());
        self.change(|shown| shown.snapshots.remove(id));
        Ok(())
    }

    /// Whether it changed anything.
    pub(crate) fn switch_fast(&mut self, snapshot: &str, zone: &str, on: bool) -> bool {
        let key = (snapshot.to_owned(), zone.to_owned());
        if self.shown.fast.get(&key).is_some_and(|one| one.on) == on {
            return false;
        }
        let since = self.now;
        self.change(|shown| shown.fast.insert(key, Fast { on, since }));
        true
    }
}
