//! Whole operations with two faults by random schedules. `SEED=… cargo test -p mirrorsnap-sim random` runs one of them again. Without
//! more said it runs the same ones each time, so that a change is not blamed for what luck has found; `SIM_SECONDS=…` runs new ones for
//! so long, as `make test-all` does.

use crate::schedule::{Schedule, text};
use std::time::{Duration, Instant, SystemTime};

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn operations_with_two_faults_by_a_random_schedule() {
    if let Some(seed) = variable("SEED") {
        let schedule = Schedule::new(seed);
        eprintln!("{}", text(&schedule));
        assert_eq!(schedule.run(), Vec::<String>::new(), "SEED={seed}");
        return;
    }
    let (first, limit) = match variable("SIM_SECONDS") {
        Some(seconds) => {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            (u64::from(since.subsec_nanos()) ^ since.as_secs(), seconds)
        }
        None => (1, 12),
    };
    let (begun, limit) = (Instant::now(), Duration::from_secs(limit));
    let mut wrong = Vec::new();
    let mut runs = 0;
    while begun.elapsed() < limit {
        let seed = first.wrapping_add(runs);
        let schedule = Schedule::new(seed);
        let found = schedule.run();
        if !found.is_empty() {
            wrong.push(format!("SEED={seed} {found:?}\n    {}", text(&schedule)));
        }
        runs += 1;
    }
    eprintln!("{runs} schedules from {first}");
    assert!(
        runs > 0 && wrong.is_empty(),
        "{} of {runs}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
