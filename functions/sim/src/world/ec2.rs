//! EC2 as far as the functions call it: instances, volumes with attachments, snapshots, tags and fast snapshot restore.
//! Transitions take time. Calls answer with EC2's own codes; what they mean is the functions' affair.

use super::copies::Copy;
use super::{Ms, SECOND};
use mirrorsnap_domain::catalogue::Tier;
use std::collections::{BTreeMap, BTreeSet};

/// What EC2 answers when it does not carry a call out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Our own code for a call that found everything as it was to be, and says so without a code.
pub(crate) const NOTHING_TO_DO: &str = "";

pub(crate) type Answer<T> = Result<T, Code>;

pub(crate) fn code<T>(code: &str, message: impl Into<String>) -> Answer<T> {
    Err(Code {
        code: code.to_owned(),
        message: message.into(),
    })
}

pub(crate) type Tags = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Pending,
    Running,
    Stopping,
    Stopped,
}

impl Power {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instance {
    pub(crate) power: Power,
    /// When the present transition ends.
    pub(crate) until: Ms,
    pub(crate) reason: Option<String>,
    pub(crate) launched: Ms,
    pub(crate) tags: Tags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Attaching,
    Attached,
    Detaching,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attached {
    pub(crate) instance: String,
    pub(crate) device: String,
    pub(crate) link: Link,
    pub(crate) until: Ms,
    pub(crate) delete_on_termination: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VolumeState {
    Creating(Ms),
    Made,
    Deleting(Ms),
}

/// One side of a mirror, as the volume's own cluster partition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Green,
    Red,
    /// Just initialised, or never seen by this cluster.
    Blank,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Volume {
    pub(crate) state: VolumeState,
    pub(crate) made: Ms,
    pub(crate) snapshot: String,
    pub(crate) token: String,
    pub(crate) fast: bool,
    pub(crate) attached: Option<Attached>,
    pub(crate) tags: Tags,
    /// The last write that is on it.
    pub(crate) content: u32,
    pub(crate) side: Side,
    /// The groups wrote here while the peer did not get it.
    pub(crate) ahead: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) volume: String,
    pub(crate) started: Ms,
    pub(crate) completes: Ms,
    pub(crate) tags: Tags,
    pub(crate) content: u32,
    pub(crate) tier: Tier,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fast {
    pub(crate) on: bool,
    pub(crate) since: Ms,
}

/// From the order to `enabled`.
pub(crate) const FAST_ENABLED: Ms = 60 * SECOND;

impl Fast {
    pub(crate) const fn state(&self, now: Ms) -> &'static str {
        match (self.on, now >= self.since + FAST_ENABLED) {
            (true, false) => "optimizing",
            (true, true) => "enabled",
            (false, _) => "disabled",
        }
    }
}

/// What a describe shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Shown {
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    pub(crate) fast: BTreeMap<(String, String), Fast>,
    /// In the other region.
    pub(crate) copies: BTreeMap<String, Copy>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Ec2 {
    pub(crate) now: Ms,
    pub(crate) shown: Shown,
    /// Earlier views, the oldest first; each with the moment until which it was true.
    history: Vec<(Ms, Shown)>,
    made: u32,
    /// What was made within so long is not known to calls that change something.
    pub(crate) newborn: Ms,
    /// The key that copies get cannot be used.
    pub(crate) copies_fail: bool,
    /// Volumes for which AttachVolume was ever sent, whatever was answered.
    pub(crate) ever_attached: BTreeSet<String>,
    /// The restore that is being released: its volumes may lose the tag `attached`, since they are the operator's then.
    pub(crate) released: Option<String>,
    /// Volumes that were deleted.
    pub(crate) deleted: BTreeSet<String>,
    /// What must never happen, as it happened.
    pub(crate) wrong: Vec<String>,
    /// Somebody writes to a volume between the break and its snapshot.
    pub(crate) stray: bool,
}

/// The longest lag of a describe.
pub(crate) const LONGEST_LAG: Ms = 30 * SECOND;

impl Ec2 {
    /// Goes on to `now`: what was under way and is over by then ends.
    pub(crate) fn tick(&mut self, now: Ms) {
        self.now = now;
        let due = |until: Ms| until <= now;
        let moves = self
            .shown
            .instances
            .values()
            .any(|one| matches!(one.power, Power::Pending | Power::Stopping) && due(one.until))
            || self.shown.volumes.values().any(|one| {
                let linked = one.attached.as_ref();
                linked.is_some_and(|at| at.link != Link::Attached && due(at.until))
                    || matches!(one.state, VolumeState::Creating(at) | VolumeState::Deleting(at) if due(at))
            });
        if !moves {
            return;
        }
        self.change(|shown| {
            for one in shown.instances.values_mut().filter(|one| due(one.until)) {
                match one.power {
                    Power::Pending => one.power = Power::Running,
                    Power::Stopping => one.power = Power::Stopped,
                    Power::Running | Power::Stopped => {}
                }
            }
            for one in shown.volumes.values_mut() {
                if matches!(one.state, VolumeState::Creating(at) if due(at)) {
                    one.state = VolumeState::Made;
                }
                let Some(at) = one.attached.as_mut().filter(|at| due(at.until)) else {
                    continue;
                };
                match at.link {
                    Link::Attaching => at.link = Link::Attached,
                    Link::Detaching => one.attached = None,
                    Link::Attached => {}
                }
            }
            shown
                .volumes
                .retain(|_, one| !matches!(one.state, VolumeState::Deleting(at) if due(at)));
        });
    }

    /// Changes what is shown, and keeps the view from before.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Shown) -> T) -> T {
        self.history.push((self.now, self.shown.clone()));
        let oldest = self.now.saturating_sub(LONGEST_LAG + SECOND);
        self.history.retain(|(until, _)| *until >= oldest);
        change(&mut self.shown)
    }

    /// What was shown `lag` ago.
    pub(crate) fn as_of(&self, lag: Ms) -> &Shown {
        let at = self.now.saturating_sub(lag);
        let earlier = self.history.iter().find(|(until, _)| *until > at);
        earlier.map_or(&self.shown, |(_, shown)| shown)
    }

    pub(crate) fn id(&mut self, front: &str) -> String {
        self.made += 1;
        format!("{front}-0{:07x}", 0x00a_0000 + self.made)
    }

    /// Whether EC2 knows yet what was made then.
    pub(crate) fn knows(&self, made: Ms) -> bool {
        made == 0 || self.now >= made + self.newborn
    }

    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.shown.instances.get(id)
    }

    /// The volume at a place.
    pub(crate) fn at(&self, instance: &str, device: &str) -> Option<&String> {
        let here = |one: &Volume| {
            one.attached
                .as_ref()
                .is_some_and(|at| at.instance == instance && at.device == device)
        };
        self.shown.volumes.iter().find(|(_, one)| here(one)).map(|(id, _)| id)
    }
}
