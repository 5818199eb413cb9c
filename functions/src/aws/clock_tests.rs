use super::{Pace, second};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A second of the lab's takes ten real milliseconds.
fn pace(file: Option<PathBuf>) -> Pace {
    Pace {
        second: 0.01,
        began: Instant::now(),
        start: None,
        file,
    }
}

#[tokio::test]
async fn a_sleep_lasts_as_long_as_lab_time_stands_still() {
    let file = std::env::temp_dir().join(format!("lab-clock-{}", std::process::id()));
    std::fs::write(&file, "100").unwrap();
    let pace = pace(Some(file.clone()));
    let sleep = pace.sleep(Duration::from_secs(2));
    tokio::pin!(sleep);
    let early = tokio::time::timeout(Duration::from_millis(60), &mut sleep).await;
    assert!(early.is_err(), "real time has passed, but none of the lab's");
    std::fs::write(&file, "120").unwrap();
    sleep.await;
    assert_eq!(pace.monotonic(), Duration::from_secs(12));
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_sleep_takes_real_time_where_nothing_counts_it() {
    let (pace, before) = (pace(None), Instant::now());
    pace.sleep(Duration::from_secs(2)).await;
    assert!(before.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_second_is_as_long_as_a_fast_lab_and_as_a_slow_one_have_it() {
    for (milliseconds, seconds) in [
        (None, 1.0),
        (Some(100.0), 0.1),
        (Some(2500.0), 2.5),
        (Some(12_500.0), 12.5),
    ] {
        assert!((second(milliseconds) - seconds).abs() < 1e-9, "{milliseconds:?}");
    }
    assert!((second(Some(0.0)) - 0.001).abs() < 1e-9);
}
