//! The parts of the outage's bound, as the cluster's JSON may name them.

use serde::{Deserialize, Serialize};

/// The parts of the outage's bound (safety.md, the critical section). Absent: shares of `max_outage_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// Ts: the longest that stopping all groups may take.
    pub group_stop_seconds: u32,
    /// Tb: the longest that the baton may take: the stopped active reads its partitions and suspends its mirror monitors. Absent: a
    /// quarter of `split_seconds`, which is that much shorter then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baton_seconds: Option<u32>,
    /// D: how long the stopped active then waits for the standby's break.
    pub split_seconds: u32,
    /// The longest that starting all groups is expected to take; the timer fires this long before the bound.
    pub group_start_seconds: u32,
    /// B: the longest that the break of one mirror disk may take.
    pub break_seconds: u32,
    /// How long after the inspection the active's document may still begin to act.
    pub not_after_seconds: u32,
}

impl Deadlines {
    /// Half for the stop, a third for the start, the rest for the break: for 120 s that is 60, 40 and 20.
    pub const fn of_bound(max_outage_seconds: u32) -> Self {
        let stop = max_outage_seconds / 2;
        let start = max_outage_seconds / 3;
        // Rounding leaves a second or two more for the largest bounds than a split may have.
        let rest = max_outage_seconds - stop - start;
        let split = if rest < 600 { rest } else { 600 };
        Self {
            group_stop_seconds: stop,
            baton_seconds: None,
            split_seconds: split,
            group_start_seconds: start,
            break_seconds: if split / 2 < 10 { split / 2 } else { 10 },
            // Two deliveries by Run Command, the suspension of the monitors, and room for a slow morning.
            not_after_seconds: 180,
        }
    }

    /// Tb.
    pub fn baton(&self) -> u32 {
        self.baton_seconds.unwrap_or(self.split_seconds / 4).max(1)
    }

    /// D.
    pub fn split(&self) -> u32 {
        match self.baton_seconds {
            Some(_) => self.split_seconds,
            None => self.split_seconds.saturating_sub(self.baton()),
        }
    }
}
