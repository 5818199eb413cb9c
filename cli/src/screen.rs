//! What is shown, as pure functions from values to text. Nothing here prints, and nothing is coloured: that is out.rs's.

pub mod backups;
pub mod check_copies;
pub mod clusters;
pub mod copies;
pub mod description;
pub mod diff;
pub mod doctor;
pub mod end;
pub mod fleet;
pub mod live;
pub mod plan;
pub mod reference;
pub mod table;

/// A span of time for people: `7.1 s`, `3 min 12 s`, `26 h 3 min`, `3 d 2 h`.
pub fn span(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    match seconds {
        0..100 => format!("{seconds}.{} s", millis.max(0) % 1000 / 100),
        100..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_for_people() {
        let shown = [0, 7_149, 99_999, 192_000, 3_599_000, 93_780_000, 266_400_000].map(span);
        let wanted = [
            "0.0 s",
            "7.1 s",
            "99.9 s",
            "3 min 12 s",
            "59 min 59 s",
            "26 h 3 min",
            "3 d 2 h",
        ];
        assert_eq!(shown, wanted);
        assert_eq!(span(-5), "0.0 s", "a clock that is behind AWS's");
    }
}
