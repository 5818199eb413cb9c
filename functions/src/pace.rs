//! Waiting inside a function. Every wait and deadline goes through here, so that a laboratory in which time runs faster
//! can say so once: MIRRORSNAP_SECOND_MILLISECONDS is the length of a second of waiting (default 1000).

use std::time::{Duration, Instant};

/// The length of a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace(Duration);

impl Pace {
    pub(crate) fn from_env() -> Self {
        let milliseconds = std::env::var("MIRRORSNAP_SECOND_MILLISECONDS")
            .ok()
            .and_then(|text| text.parse().ok());
        Self(Duration::from_millis(milliseconds.unwrap_or(1000).clamp(1, 1000)))
    }

    /// Sleeps for so many tenths of a second.
    pub(crate) async fn tenths(self, count: u32) {
        tokio::time::sleep(self.0 * count / 10).await;
    }

    /// A deadline so many seconds from now.
    pub(crate) fn deadline(self, seconds: u32) -> Deadline {
        Deadline {
            second: self.0,
            begun: Instant::now(),
            limit: self.0 * seconds,
        }
    }
}

/// A moment after which a function stops waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    second: Duration,
    begun: Instant,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn has_passed(&self) -> bool {
        self.begun.elapsed() >= self.limit
    }

    /// Whole seconds since it was set.
    pub(crate) fn elapsed(&self) -> i64 {
        let seconds = self.begun.elapsed().as_millis() / self.second.as_millis().max(1);
        i64::try_from(seconds).unwrap_or(i64::MAX)
    }
}
