//! Times as people and AWS write them, right and wrong in one field: each is read as what an independent calendar says.

use super::*;
use crate::edits::hold;
use proptest::prelude::*;

/// The fields of a time, not all of them in range.
#[derive(Debug, Clone)]
struct Written {
    date: (i64, i64, i64),
    clock: (i64, i64, i64),
    fraction: Option<u32>,
    /// Minutes ahead of UTC; `None` is `Z`.
    offset: Option<i64>,
}

prop_compose! {
    fn written()(
        date in (1000_i64..9990, 0_i64..14, 0_i64..33),
        clock in (0_i64..25, 0_i64..61, 0_i64..60),
        fraction in prop::option::of(0_u32..1000),
        offset in prop::option::of(-1500_i64..1500),
    ) -> Written {
        Written { date, clock, fraction, offset }
    }
}

impl Written {
    fn rfc3339(&self) -> String {
        let ((y, mo, d), (h, mi, s)) = (self.date, self.clock);
        let fraction = self.fraction.map_or_else(String::new, |n| format!(".{n:03}"));
        let offset = self.offset.map_or_else(
            || "Z".to_owned(),
            |minutes| {
                let sign = if minutes < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            },
        );
        format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}{fraction}{offset}")
    }

    fn compact(&self) -> String {
        let ((y, mo, d), (h, mi, s)) = (self.date, self.clock);
        format!("{y:04}{mo:02}{d:02}T{h:02}{mi:02}{s:02}Z")
    }

    /// Seconds since 1970, if there is such a moment. The days are counted one year after another.
    fn unix(&self) -> Option<i64> {
        let ((y, mo, d), (h, mi, s)) = (self.date, self.clock);
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let months = [
            31,
            if leap(y) { 29 } else { 28 },
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ];
        let month = usize::try_from(mo).ok()?.checked_sub(1)?;
        let in_month = *months.get(month)?;
        if !(1..=in_month).contains(&d) || h > 23 || mi > 59 || s > 59 {
            return None;
        }
        let year_days = |year: i64| if leap(year) { 366 } else { 365 };
        let before: i64 = if y >= 1970 {
            (1970..y).map(year_days).sum()
        } else {
            -(y..1970).map(year_days).sum::<i64>()
        };
        let days = before + months[..month].iter().sum::<i64>() + d - 1;
        Some(days * 86_400 + h * 3600 + mi * 60 + s)
    }

    fn has_an_offset(&self) -> bool {
        self.offset.is_none_or(|minutes| minutes.abs() < 1440)
    }
}

#[test]
fn a_time_is_read_as_the_calendar_says() {
    hold(40, &written(), |written| {
        let expected = written.unix().filter(|_| written.has_an_offset());
        let expected = expected.map(|at| at - written.offset.unwrap_or(0) * 60);
        let read = Moment::parse(&written.rfc3339()).ok();
        prop_assert_eq!(read.map(Moment::unix), expected, "{}", written.rfc3339());
        if let Some(at) = read {
            prop_assert_eq!(Moment::parse(&at.to_string()).ok(), Some(at));
        }
        Ok(read.is_some())
    });
}

#[test]
fn the_form_in_ids_is_read_as_the_calendar_says() {
    hold(40, &written(), |written| {
        let read = Moment::parse_compact(&written.compact());
        prop_assert_eq!(read.map(Moment::unix), written.unix(), "{}", written.compact());
        Ok(read.is_some())
    });
}

proptest! {
    #[test]
    fn ids_sort_as_their_moments_do(a in -30_000_000_000_i64..250_000_000_000, apart in -100_000_i64..100_000) {
        let (a, b) = (Moment::from_unix(a), Moment::from_unix(a).plus(apart));
        prop_assert_eq!(a.compact().cmp(&b.compact()), a.cmp(&b));
        prop_assert_eq!(b.seconds_since(a), apart);
    }

    /// One character of an id's time changed: it is another moment, or none; never the same one under two names.
    #[test]
    fn only_the_canonical_form_is_an_id(seconds in 0_i64..250_000_000_000, at in 0_usize..16, by in "[0-9 +TZtz-]") {
        let canonical = Moment::from_unix(seconds).compact();
        let mut text = canonical.clone();
        text.replace_range(at..=at, &by);
        if let Some(read) = Moment::parse_compact(&text) {
            prop_assert_eq!(read.compact(), text.clone());
            prop_assert_eq!(read.unix() == seconds, text == canonical);
        }
    }
}
