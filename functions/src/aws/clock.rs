//! Time. In a lab in which time runs faster or slower, MIRRORSNAP_SECOND_MILLISECONDS is the real length of a second (default 1000), and
//! MIRRORSNAP_CLOCK_START the moment at which lab time and real time were the same, in seconds since 1970.
//! MIRRORSNAP_CLOCK_FILE names the file in which the lab counts the real milliseconds since then, without those in which its
//! busy host kept it from running: lab time stands still for so long, and so do the deadlines here.

use super::Aws;
use crate::ports::Clock;
use mirrorsnap_domain::time::Moment;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A timer of tokio's has no finer steps.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// How long a second may be: from a thousand times as fast to a hundredth of life's pace, as the lab allows. A function that
/// kept life's pace in a slower lab would poll more often than a second of that lab has it.
const SECOND_MILLISECONDS: RangeInclusive<f64> = 1.0..=100_000.0;

/// How fast time runs, and since when.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Real seconds in a second.
    second: f64,
    began: Instant,
    /// When the lab's time began to run faster.
    start: Option<f64>,
    /// The lab's own count of real time since then.
    file: Option<PathBuf>,
}

/// The real length of a second, in seconds, of what the environment says in milliseconds.
fn second(milliseconds: Option<f64>) -> f64 {
    milliseconds.map_or(1.0, |each| {
        each.clamp(*SECOND_MILLISECONDS.start(), *SECOND_MILLISECONDS.end()) / 1000.0
    })
}

fn number(name: &str) -> Option<f64> {
    std::env::var(name)
        .ok()?
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

impl Pace {
    pub(super) fn from_env() -> Self {
        Self {
            second: second(number("MIRRORSNAP_SECOND_MILLISECONDS")),
            began: Instant::now(),
            start: number("MIRRORSNAP_CLOCK_START"),
            file: std::env::var_os("MIRRORSNAP_CLOCK_FILE").map(PathBuf::from),
        }
    }

    /// Real time since the lab began, as far as the lab could use it.
    fn count(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(self.file.as_ref()?).ok()?;
        text.trim().parse().ok().map(Duration::from_millis)
    }

    fn monotonic(&self) -> Duration {
        let passed = self.count().unwrap_or_else(|| self.began.elapsed());
        passed.div_f64(self.second)
    }

    /// Sleeps once on AWS. In the lab it sleeps again while lab time stands still, or a busy host would see more polls than an
    /// idle one, and be busier for it.
    async fn sleep(&self, time: Duration) {
        let due = self.monotonic() + time;
        loop {
            let left = due.saturating_sub(self.monotonic()).mul_f64(self.second);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.max(SHORTEST_SLEEP)).await;
        }
    }
}

impl Clock for Aws {
    fn now(&self) -> Moment {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = match self.pace.start {
            Some(start) => {
                let passed = self
                    .pace
                    .count()
                    .map_or(real.as_secs_f64() - start, |count| count.as_secs_f64());
                Duration::try_from_secs_f64(start + passed / self.pace.second).unwrap_or(real)
            }
            None => real,
        };
        Moment::from_unix(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.pace.monotonic()
    }

    async fn sleep(&self, time: Duration) {
        self.pace.sleep(time).await;
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
