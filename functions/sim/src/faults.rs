//! What goes wrong, and at which call; and the calls as they were made.

use crate::world::Ms;
use crate::world::ec2::LONGEST_LAG;

/// What a call is, as far as faults are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The lock's consistent read.
    Fence,
    /// Any other read that is never old.
    Read,
    /// A describe, which may show an earlier state.
    Shown,
    /// It changes something.
    Change,
    /// A command document that only reads.
    Question,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// AWS refuses it, and will refuse a repeat as well.
    Refused,
    /// AWS throttles it, and all calls for so long.
    Throttled(Ms),
    /// It never arrives, and the caller hears nothing.
    LostCall,
    /// It is carried out, and the caller hears nothing.
    LostReply,
    /// It is carried out, and the function dies.
    CrashAfter,
    /// It shows what was so long ago.
    Lag(Ms),
    /// So long every describe shows something else from the last 30 seconds, back and forth.
    Unsteady(Ms),
    /// A describe answers with nothing at all.
    Empty,
    /// From here on EC2 does not know what was made within so long.
    Newborn(Ms),
    /// EC2 does not carry it out this time, and says so by this code.
    Answers(&'static str),
    /// Somebody else takes the lock over just before it.
    Overtaken,
}

impl Fault {
    /// Whether this can happen to such a call.
    pub(crate) const fn suits(self, kind: Kind) -> bool {
        match self {
            Self::Refused | Self::Throttled(_) | Self::CrashAfter | Self::Overtaken | Self::Newborn(_) => true,
            // To the caller of a read that is no answer, as a throttled one is none.
            Self::LostCall | Self::LostReply => matches!(kind, Kind::Change | Kind::Question),
            Self::Lag(_) | Self::Unsteady(_) | Self::Empty => matches!(kind, Kind::Shown),
            Self::Answers(_) => matches!(kind, Kind::Change),
        }
    }

    /// Whether it passes by itself, so that the operation must succeed in spite of it.
    pub(crate) const fn passes(self) -> bool {
        !matches!(self, Self::Refused | Self::Overtaken)
    }
}

/// One call of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) what: String,
    pub(crate) kind: Kind,
    pub(crate) at: Ms,
    /// The epoch of the lock when it was made.
    pub(crate) epoch: u64,
}

/// The faults of a run, by the number of the call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    pub(crate) planned: Vec<(usize, Fault)>,
    pub(crate) fired: Vec<(usize, Fault)>,
    pub(crate) calls: Vec<Call>,
    pub(crate) throttled_until: Ms,
    pub(crate) unsteady_until: Ms,
    /// Until then StartInstances is refused, since the instances are between two states.
    pub(crate) no_start_until: Ms,
    /// From then on every describe shows what was 30 seconds ago, but nothing from before it.
    pub(crate) late_since: Option<Ms>,
    /// The function is dead.
    pub(crate) crashed: bool,
}

impl Faults {
    pub(crate) fn plan(planned: Vec<(usize, Fault)>) -> Self {
        Self {
            planned,
            ..Self::default()
        }
    }

    /// Notes a call; what goes wrong with it.
    pub(crate) fn enter(&mut self, call: Call) -> Option<Fault> {
        let number = self.calls.len();
        let (kind, now) = (call.kind, call.at);
        self.calls.push(call);
        let planned = self
            .planned
            .iter()
            .find(|(at, fault)| *at == number && fault.suits(kind));
        if let Some((_, fault)) = planned.copied() {
            self.fired.push((number, fault));
            match fault {
                Fault::Throttled(time) => self.throttled_until = now + time,
                Fault::Unsteady(time) => self.unsteady_until = now + time,
                _ => return Some(fault),
            }
        }
        if self.calls[number].name == "ec2:StartInstances" && now < self.no_start_until {
            return Some(Fault::Answers("IncorrectInstanceState"));
        }
        if let (Kind::Shown, Some(since)) = (kind, self.late_since) {
            return Some(Fault::Lag(LONGEST_LAG.min(now - since)));
        }
        if now < self.throttled_until {
            return Some(Fault::Throttled(0));
        }
        (kind == Kind::Shown && now < self.unsteady_until).then_some(Fault::Unsteady(0))
    }
}
