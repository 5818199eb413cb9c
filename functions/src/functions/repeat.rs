//! Retries a call that EC2 does not carry out yet.

use crate::deadline::Deadline;
use crate::ports::{Clock, Outcome};
use mirrorsnap_domain::error::{Error, Kind, Result};
use std::time::Duration;

/// The first pause after `NotYet`, and the longest. Each pause doubles the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Calls again while the answer is `NotYet`, the last time after `seconds`. `None`: it was so already. The call fences by itself, each
/// time. Errors: what the call was refused with; `AwsUnavailable`, which the state machines retry, if the answer is not
/// known, or still `NotYet` at the end.
pub(crate) async fn until_accepted<T>(
    clock: &impl Clock,
    seconds: u32,
    mut call: impl AsyncFnMut() -> Result<Outcome<T>>,
) -> Result<Option<T>> {
    let deadline = Deadline::after(clock, seconds);
    let mut pause = FIRST_PAUSE;
    loop {
        match call().await? {
            Outcome::Accepted(value) => return Ok(Some(value)),
            Outcome::AlreadySo => return Ok(None),
            Outcome::NotYet(why) if deadline.has_passed(clock) => return Err(still_not(&why)),
            Outcome::NotYet(why) => {
                tracing::info!(%why, "repeated");
                clock.sleep(pause.min(deadline.left(clock))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Outcome::Unknown(error) | Outcome::Refused(error) => return Err(error),
        }
    }
}

/// For a call of which a repeat is harmless, such as one that writes tags: without an answer it is made again, not looked for.
pub(crate) fn harmless(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Unknown(error) => Outcome::NotYet(error.to_string()),
        other => other,
    }
}

/// How many refusals of a call count as tags that lag, where our permission hangs on tags that a call of ours has just changed.
pub(crate) const TAG_LAGS: u32 = 2;

/// Such a refusal passes, so many times.
pub(crate) fn tags_lag(outcome: Outcome, left: &mut u32) -> Outcome {
    match outcome {
        Outcome::Refused(error) if *left > 0 => {
            *left -= 1;
            Outcome::NotYet(error.to_string())
        }
        other => other,
    }
}

/// `NotYet` for longer than a function waits: the state machine retries the function.
pub(crate) fn still_not(why: &str) -> Error {
    Error::new(
        Kind::AwsUnavailable,
        why,
        "it is repeated; if it lasts, read what AWS answered",
    )
}
