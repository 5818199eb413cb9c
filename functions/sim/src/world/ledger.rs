//! The lock table: what the state machines write, under the conditions that they write it with.

use super::World;
use mirrorsnap_domain::intent::Intent;
use mirrorsnap_domain::lock::{Claim, Lock};
use mirrorsnap_domain::restore::Record;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) lock: Lock,
    pub(crate) records: BTreeMap<String, Record>,
}

impl Ledger {
    pub(crate) const fn new() -> Self {
        let lock = Lock {
            holder: None,
            epoch: 0,
            since: None,
            hold: None,
            intent: None,
        };
        Self {
            lock,
            records: BTreeMap::new(),
        }
    }
}

impl World {
    /// Takes the free lock. `None`: it is held, on hold, or has an unfinished intent.
    pub(crate) fn take(&mut self, holder: &str) -> Option<Claim> {
        let now = self.moment();
        let lock = &mut self.ledger.lock;
        if lock.holder.is_some() || lock.intent.is_some() || lock.hold.is_some() {
            return None;
        }
        (lock.holder, lock.since, lock.epoch) = (Some(holder.to_owned()), Some(now), lock.epoch + 1);
        Some(self.claim())
    }

    /// Takes the lock over from a holder that is dead, or takes a free one whose intent is unfinished.
    pub(crate) fn take_over(&mut self, holder: &str) -> Claim {
        let now = self.moment();
        let lock = &mut self.ledger.lock;
        (lock.holder, lock.since, lock.epoch) = (Some(holder.to_owned()), Some(now), lock.epoch + 1);
        self.claim()
    }

    pub(crate) fn claim(&self) -> Claim {
        Claim {
            holder: self.ledger.lock.holder.clone().unwrap(),
            epoch: self.ledger.lock.epoch,
        }
    }

    fn holds(&self, claim: &Claim) -> bool {
        let lock = &self.ledger.lock;
        lock.holder.as_ref() == Some(&claim.holder) && lock.epoch == claim.epoch
    }

    /// Writes the intent; whether the claim held.
    pub(crate) fn write_intent(&mut self, claim: &Claim, json: &str) -> bool {
        let holds = self.holds(claim);
        if holds {
            let intent: Intent = serde_json::from_str(json).expect("an intent that the functions can read again");
            self.ledger.lock.intent = Some(intent);
        }
        holds
    }

    /// Raises the epoch, as before the way back.
    pub(crate) fn raise(&mut self, claim: &Claim) -> Option<Claim> {
        if !self.holds(claim) {
            return None;
        }
        self.ledger.lock.epoch += 1;
        Some(self.claim())
    }

    /// Gives the lock up, with its intent.
    pub(crate) fn release(&mut self, claim: &Claim) {
        if self.holds(claim) {
            let lock = &mut self.ledger.lock;
            (lock.holder, lock.since, lock.intent) = (None, None, None);
        }
    }
}
