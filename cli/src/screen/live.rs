//! The screen of an operation that is followed.

use super::span;
use crate::follow::{Follow, Outage, Told};

/// A line that stays; `begun` is when the operation began.
pub fn told(told: &Told, begun: i64) -> String {
    let line = |at: i64, text: &str| format!("{:>12}  {text}", span(at.saturating_sub(begun)));
    match told {
        Told::Step { at, name } => line(*at, name),
        Told::Down { at } => line(*at, "the service may be down from here on"),
        Told::Back { at, at_most } => line(*at, &format!("the service is back, after {} at most", span(*at_most))),
    }
}

/// The last line, which is always current.
pub fn current(follow: &Follow, begun: i64, now: i64) -> String {
    let outage = match follow.outage {
        Outage::None => String::new(),
        Outage::Since(since) => format!("   OUTAGE {}", span(now.saturating_sub(since))),
        Outage::Over(at_most) => format!("   outage {} at most", span(at_most)),
    };
    let why = follow.why.as_ref().map_or_else(String::new, |why| format!("   {why}"));
    format!("{:>12}  {}{outage}{why}", span(now.saturating_sub(begun)), follow.step)
}

/// What is said when Ctrl-C stops watching.
pub fn stopped(execution: &str, flags: &str) -> String {
    format!(
        "Watching has stopped. The operation goes on; to watch it again:\n  mirrorsnap watch --execution {execution}{flags}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_the_time_since_the_beginning() {
        let step = Told::Step {
            at: 4_200,
            name: "Split".to_owned(),
        };
        assert_eq!(told(&step, 1_000), "       3.2 s  Split");
        let back = Told::Back {
            at: 9_000,
            at_most: 3_500,
        };
        assert_eq!(
            told(&back, 1_000),
            "       8.0 s  the service is back, after 3.5 s at most"
        );
    }

    #[test]
    fn the_last_line_counts_the_outage_while_it_lasts() {
        let mut follow = Follow::new("main");
        assert_eq!(current(&follow, 0, 1_500), "       1.5 s  starting");
        follow.step = "Resume".to_owned();
        follow.outage = Outage::Since(2_000);
        assert_eq!(current(&follow, 0, 4_500), "       4.5 s  Resume   OUTAGE 2.5 s");
        follow.outage = Outage::Over(3_000);
        follow.why = Some("md1 copies the difference, 37 %".to_owned());
        assert_eq!(
            current(&follow, 0, 9_000),
            "       9.0 s  Resume   outage 3.0 s at most   md1 copies the difference, 37 %"
        );
    }

    #[test]
    fn ctrl_c_says_how_to_take_it_up_again() {
        let text = stopped("arn:x", " --stack other");
        assert!(
            text.ends_with("mirrorsnap watch --execution arn:x --stack other"),
            "{text}"
        );
    }
}
