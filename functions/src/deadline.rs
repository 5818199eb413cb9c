//! A moment after which a function stops waiting.

use crate::ports::Clock;
use std::time::Duration;

/// So long after it was set a function stops waiting.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    begun: Duration,
    limit: Duration,
}

impl Deadline {
    /// `seconds` from now.
    pub fn after(clock: &impl Clock, seconds: u32) -> Self {
        Self {
            begun: clock.monotonic(),
            limit: Duration::from_secs(seconds.into()),
        }
    }

    /// Whether the time is over.
    pub fn has_passed(&self, clock: &impl Clock) -> bool {
        clock.monotonic().saturating_sub(self.begun) >= self.limit
    }

    /// How long it is until then.
    pub fn left(&self, clock: &impl Clock) -> Duration {
        (self.begun + self.limit).saturating_sub(clock.monotonic())
    }

    /// Whole seconds since it was set.
    pub fn elapsed(&self, clock: &impl Clock) -> i64 {
        let elapsed = clock.monotonic().saturating_sub(self.begun);
        i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
    }
}
