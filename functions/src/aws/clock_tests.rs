use super::Pace;
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
