//! Run Command: a document is delivered once its node answers, and its reply is read later. The agent replays what was in
//! progress after a boot.

use super::documents::Waits;
use super::ec2::{Answer, code};
use super::{Ms, SECOND, World};
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_functions::ports::Agent;

/// From SendCommand to the document's begin.
const DELIVERY: Ms = 500;
/// After so long a command that no agent took is given up.
const GIVEN_UP: Ms = 30 * SECOND;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Sent,
    Begun(Waits),
    Over(Box<Reply>),
    Undelivered,
}

#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) id: String,
    pub(crate) at: usize,
    pub(crate) step: Step,
    pub(crate) sent: Ms,
    pub(crate) state: State,
}

impl World {
    /// What SSM says of an instance's agent. It goes on saying `Online` for minutes after a stop.
    pub(crate) fn agent(&self, instance: &str) -> Agent {
        let guest = self.guests.iter().find(|guest| guest.instance == instance).unwrap();
        let pinged = if guest.up {
            self.now
        } else {
            guest.booted.saturating_sub(SECOND)
        };
        Agent::Online(Some(super::moment(pinged)))
    }

    /// SendCommand.
    pub(crate) fn send(&mut self, instance: &str, step: &Step) -> Answer<String> {
        let at = self.guests.iter().position(|guest| guest.instance == instance).unwrap();
        if !self.guests[at].powered {
            return code(
                "InvalidInstanceId",
                format!("Instances not in a valid state for account: {instance}"),
            );
        }
        let id = format!("command-{}", self.commands.len() + 1);
        self.commands.push(Command {
            id: id.clone(),
            at,
            step: step.clone(),
            sent: self.now,
            state: State::Sent,
        });
        Ok(id)
    }

    pub(crate) fn command(&self, id: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.id == id)
    }

    /// The ids of commands of an operation that are not over, of those that were sent until then.
    pub(crate) fn under_way(&self, instance: &str, run: &str, until: Ms) -> Vec<String> {
        let at = self.guests.iter().position(|guest| guest.instance == instance);
        self.commands
            .iter()
            .filter(|one| Some(one.at) == at && one.sent <= until && one.step.run == run)
            .filter(|one| matches!(one.state, State::Sent | State::Begun(_)))
            .map(|one| one.id.clone())
            .collect()
    }

    /// CancelCommand: what no agent has taken is not begun any more. What runs goes on, as it may at SSM.
    pub(crate) fn cancel(&mut self, id: &str) {
        let found = self.commands.iter_mut().find(|one| one.id == id);
        if let Some(one) = found.filter(|one| one.state == State::Sent) {
            one.state = State::Undelivered;
        }
    }

    pub(crate) fn tick_commands(&mut self) {
        // Of the hundreds of commands of a long run a few at most are not over.
        for number in self.first_open..self.commands.len() {
            let Command { at, sent, .. } = self.commands[number];
            let up = self.guests[at].up;
            match &self.commands[number].state {
                State::Sent if up && self.now >= sent + DELIVERY => self.begin(number),
                State::Sent if self.now >= sent + GIVEN_UP => self.commands[number].state = State::Undelivered,
                State::Begun(_) if up => {
                    let State::Begun(waits) = self.commands[number].state.clone() else {
                        continue;
                    };
                    let step = self.commands[number].step.clone();
                    if let Some(reply) = self.document_ends(at, &step, &waits) {
                        self.commands[number].state = State::Over(Box::new(reply));
                    }
                }
                _ => {}
            }
        }
        let over = |one: &Command| matches!(one.state, State::Over(_) | State::Undelivered);
        while self.commands.get(self.first_open).is_some_and(over) {
            self.first_open += 1;
        }
    }

    fn begin(&mut self, number: usize) {
        let Command { at, ref step, .. } = self.commands[number];
        let step = step.clone();
        let waits = self.begin_document(at, &step);
        self.commands[number].state = State::Begun(waits);
    }

    /// The agent of a node is back.
    pub(crate) fn replay(&mut self, at: usize) {
        for number in 0..self.commands.len() {
            if self.commands[number].at == at && matches!(self.commands[number].state, State::Begun(_)) {
                self.begin(number);
            }
        }
    }
}
