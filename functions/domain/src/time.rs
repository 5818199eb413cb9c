//! Moments in UTC, to the second, as RFC 3339 (`2026-05-01T02:03:04Z`) and in ids (`20260501T020304Z`).

use crate::error::{Error, Kind, Result};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use std::fmt;
use std::str::FromStr;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

const COMPACT: &[time::format_description::BorrowedFormatItem<'static>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// A moment in UTC; fractions of a second are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct Moment(OffsetDateTime);

impl Moment {
    /// From seconds since 1970, clamped to the years that an id can hold.
    pub fn from_unix(seconds: i64) -> Self {
        // 0000-01-01 to 9999-12-31: what four digits of a year can say.
        let seconds = seconds.clamp(-62_167_219_200, 253_402_300_799);
        Self(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    /// Seconds since 1970.
    pub const fn unix(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// From RFC 3339 with any offset.
    pub fn parse(text: &str) -> Result<Self> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|at| Self::from_unix(at.unix_timestamp()))
            .map_err(|_| {
                Error::new(
                    Kind::InputInvalid,
                    format!("{text:?} is not a time"),
                    "write it as 2026-05-01T02:03:04Z",
                )
            })
    }

    /// From the form used in ids.
    pub fn parse_compact(text: &str) -> Option<Self> {
        let at = PrimitiveDateTime::parse(text, COMPACT).ok()?;
        let moment = Self::from_unix(at.assume_utc().unix_timestamp());
        // The parser accepts signs and the like in places: only the canonical form is an id.
        (moment.compact() == text).then_some(moment)
    }

    /// The form used in ids.
    pub fn compact(self) -> String {
        let at = self.0;
        format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }

    /// Whole seconds from `earlier` to this moment; negative if this one is the earlier.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.unix().saturating_sub(earlier.unix())
    }

    /// This moment moved by `seconds`.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.unix().saturating_add(seconds))
    }

    /// Year and day of the year.
    pub fn day(self) -> (i32, u16) {
        (self.0.year(), self.0.ordinal())
    }

    /// Year and week of ISO 8601.
    pub fn week(self) -> (i32, u8) {
        let (year, week, _) = self.0.to_iso_week_date();
        (year, week)
    }

    /// Year and month.
    pub fn month(self) -> (i32, u8) {
        (self.0.year(), u8::from(self.0.month()))
    }
}

impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .0
            .to_offset(UtcOffset::UTC)
            .format(&Rfc3339)
            .map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms() {
        let at = Moment::parse("2026-05-01T11:03:04.75+09:00").unwrap();
        assert_eq!(
            (at.to_string().as_str(), at.compact().as_str()),
            ("2026-05-01T02:03:04Z", "20260501T020304Z")
        );
        assert_eq!(Moment::parse_compact("20260230T020304Z"), None);
        assert!(Moment::parse("yesterday").is_err());
    }

    proptest! {
        #[test]
        fn forms_read_back(seconds in -62_167_219_200_i64..253_402_300_799) {
            let at = Moment::from_unix(seconds);
            prop_assert_eq!(Moment::parse(&at.to_string()).unwrap(), at);
            prop_assert_eq!(Moment::parse_compact(&at.compact()), Some(at));
        }
    }
}

#[cfg(test)]
#[path = "time_properties.rs"]
mod properties;
