//! The world behind the functions' ports, and the executor that lets its time pass while a function waits.

use crate::faults::{Call, Fault, Faults, Kind};
use crate::world::ec2::{Answer, Code, LONGEST_LAG, NOTHING_TO_DO, Shown};
use crate::world::{Ms, TICK, World};
use mirrorsnap_domain::error::Result;
use mirrorsnap_functions::aws::outcome;
use mirrorsnap_functions::ports::Outcome;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A world, shared between the ports of a function and the test.
#[derive(Clone)]
pub(crate) struct Sim {
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) faults: Rc<RefCell<Faults>>,
    rng: Rc<RefCell<fastrand::Rng>>,
    /// Each task prints a line.
    pub(crate) traced: bool,
    /// The next moment for which somebody waits.
    wakes: Rc<RefCell<Option<Ms>>>,
    /// Functions whose caller does not wait for them any more. They are at work while time passes.
    given_up: Rc<RefCell<Vec<Stray>>>,
}

type Stray = Pin<Box<dyn Future<Output = ()>>>;

/// How a function's call ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End<T> {
    Answered(T),
    /// It died.
    Crashed,
    /// It was still at work after its time.
    TimedOut,
}

impl Sim {
    pub(crate) fn new(world: World, faults: Faults, seed: u64) -> Self {
        Self {
            world: Rc::new(RefCell::new(world)),
            faults: Rc::new(RefCell::new(faults)),
            rng: Rc::new(RefCell::new(fastrand::Rng::with_seed(seed))),
            traced: std::env::var("SEED").is_ok(),
            wakes: Rc::new(RefCell::new(None)),
            given_up: Rc::new(RefCell::new(vec![])),
        }
    }

    pub(crate) fn now(&self) -> Ms {
        self.world.borrow().now
    }

    /// Runs a function to its end, at most for `limit`.
    pub(crate) fn run<T>(&self, limit: Ms, future: impl Future<Output = T>) -> End<T> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        let until = self.now() + limit;
        self.faults.borrow_mut().crashed = false;
        loop {
            *self.wakes.borrow_mut() = None;
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return End::Answered(output);
            }
            if self.faults.borrow().crashed {
                return End::Crashed;
            }
            let wakes = self.wakes.borrow().expect("a function that waits for nothing");
            while self.now() < wakes {
                self.tick();
                if self.now() >= until {
                    return End::TimedOut;
                }
            }
        }
    }

    /// A function that is called, and given up at once by its caller.
    pub(crate) fn give_up(&self, function: impl Future<Output = ()> + 'static) {
        self.given_up.borrow_mut().push(Box::pin(function));
    }

    /// Time passes while the state machine waits.
    pub(crate) fn pass(&self, time: Ms) {
        let until = self.now() + time;
        while self.now() < until {
            self.tick();
        }
    }

    fn tick(&self) {
        self.world.borrow_mut().tick();
        let mut at_work = self.given_up.take();
        let mut context = Context::from_waker(Waker::noop());
        at_work.retain_mut(|one| one.as_mut().poll(&mut context).is_pending());
        self.given_up.borrow_mut().extend(at_work);
    }

    pub(crate) async fn sleep_until(&self, moment: Ms) {
        poll_fn(|_| {
            if self.now() >= moment {
                return Poll::Ready(());
            }
            let mut wakes = self.wakes.borrow_mut();
            *wakes = Some(wakes.map_or(moment, |other| other.min(moment)));
            Poll::Pending
        })
        .await;
    }

    async fn crash<T>(&self) -> T {
        self.faults.borrow_mut().crashed = true;
        std::future::pending().await
    }

    /// A call takes its time, and is noted when it arrives.
    async fn enter(&self, name: &'static str, kind: Kind, what: String) -> Option<Fault> {
        self.sleep_until(self.now() + TICK).await;
        let fault = {
            let world = self.world.borrow();
            let call = Call {
                name,
                what,
                kind,
                at: world.now,
                epoch: world.ledger.lock.epoch,
            };
            self.faults.borrow_mut().enter(call)
        };
        match fault {
            Some(Fault::Overtaken) => _ = self.world.borrow_mut().take_over("arn:somebody-else"),
            Some(Fault::Newborn(time)) => self.world.borrow_mut().ec2.newborn = time,
            _ => return fault,
        }
        None
    }

    /// A call that only reads.
    pub(crate) async fn read<T>(
        &self,
        name: &'static str,
        kind: Kind,
        what: String,
        read: impl FnOnce(&World) -> Result<T>,
    ) -> Result<T> {
        let fault = self.enter(name, kind, what).await;
        match fault {
            Some(Fault::Refused) => Err(outcome::error(name, &answer(REFUSED))),
            Some(Fault::Throttled(_)) => Err(outcome::error(name, &answer(THROTTLED))),
            Some(Fault::LostCall | Fault::LostReply) => Err(outcome::error(name, &no_answer())),
            Some(Fault::CrashAfter) => self.crash().await,
            _ => read(&self.world.borrow()),
        }
    }

    /// A describe of EC2, which may be old.
    pub(crate) async fn shown<T>(&self, name: &'static str, what: String, read: impl FnOnce(&Shown) -> T) -> Result<T> {
        let lag = self.lag(name, what).await?;
        if lag == NOTHING {
            return Ok(read(&Shown::default()));
        }
        Ok(read(self.world.borrow().ec2.as_of(lag)))
    }

    /// A call that may show an earlier state: how old a one.
    pub(crate) async fn lag(&self, name: &'static str, what: String) -> Result<Ms> {
        match self.enter(name, Kind::Shown, what).await {
            Some(Fault::Refused) => Err(outcome::error(name, &answer(REFUSED))),
            Some(Fault::Throttled(_)) => Err(outcome::error(name, &answer(THROTTLED))),
            Some(Fault::LostCall | Fault::LostReply) => Err(outcome::error(name, &no_answer())),
            Some(Fault::CrashAfter) => self.crash().await,
            Some(Fault::Empty) => Ok(NOTHING),
            Some(Fault::Lag(lag)) => Ok(lag),
            Some(Fault::Unsteady(_)) => Ok(self.rng.borrow_mut().u64(0..=LONGEST_LAG)),
            _ => Ok(0),
        }
    }

    /// A call that changes something.
    pub(crate) async fn change<T>(
        &self,
        name: &'static str,
        kind: Kind,
        what: String,
        change: impl FnOnce(&mut World) -> Answer<T>,
    ) -> Outcome<T> {
        let fault = self.enter(name, kind, what).await;
        let carry_out = || change(&mut self.world.borrow_mut());
        match fault {
            Some(Fault::Refused) => outcome::outcome(name, &answer(REFUSED)),
            Some(Fault::Throttled(_)) => outcome::outcome(name, &answer(THROTTLED)),
            Some(Fault::LostCall) => outcome::outcome(name, &no_answer()),
            Some(Fault::LostReply) => {
                // Whatever it was, the caller does not hear it.
                drop(carry_out());
                outcome::outcome(name, &no_answer())
            }
            Some(Fault::CrashAfter) => {
                drop(carry_out());
                self.crash().await
            }
            Some(Fault::Answers(code)) => outcome::outcome(name, &answer(code)),
            _ => match carry_out() {
                Ok(done) => Outcome::Accepted(done),
                Err(code) => ended(name, &code),
            },
        }
    }
}

/// A lag before which there was nothing.
const NOTHING: Ms = Ms::MAX;
const REFUSED: &str = "UnauthorizedOperation";
const THROTTLED: &str = "RequestLimitExceeded";

/// An answer of AWS, as the functions' own table reads it.
fn answer(code: &str) -> outcome::Answer {
    outcome::Answer::error(code, "a fault")
}

fn no_answer() -> outcome::Answer {
    outcome::Answer::None("a fault".to_owned())
}

/// The end of a call that EC2 did not carry out.
fn ended<T>(name: &str, code: &Code) -> Outcome<T> {
    if code.code == NOTHING_TO_DO {
        return Outcome::AlreadySo;
    }
    outcome::outcome(name, &outcome::Answer::error(&code.code, &code.message))
}
