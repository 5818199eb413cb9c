//! The screen of an operation that is followed.

use super::span;
use crate::catalogue::{Language, Words};
use crate::follow::{Follow, Outage, Told};

/// A line that stays; `begun` is when the operation began.
pub fn told(told: &Told, begun: i64, language: Language) -> String {
    let line = |at: i64, words: Words<'_>| format!("{:>12}  {}", span(at.saturating_sub(begun)), words.said(language));
    match told {
        Told::Step { at, step } => line(*at, step.words()),
        Told::Down { at } => line(*at, Words::ServiceDown),
        Told::Back { at, at_most } => line(*at, Words::ServiceBack { span: &span(*at_most) }),
    }
}

/// The last line, which is always current.
pub fn current(follow: &Follow, begun: i64, now: i64, language: Language) -> String {
    let outage = match follow.outage {
        Outage::None => String::new(),
        Outage::Since(since) => {
            let lasts = span(now.saturating_sub(since));
            format!("   {}", Words::OutageLasts { span: &lasts }.said(language))
        }
        Outage::Over(at_most) => format!("   {}", Words::OutageWas { span: &span(at_most) }.said(language)),
    };
    let why = follow.why.as_ref().map_or_else(String::new, |why| format!("   {why}"));
    let step = follow.step.words().said(language);
    format!("{:>12}  {step}{outage}{why}", span(now.saturating_sub(begun)))
}

/// What is said when Ctrl-C stops watching.
pub fn stopped(execution: &str, flags: &str, language: Language) -> String {
    format!(
        "{}\n  mirrorsnap watch --execution {execution}{flags}",
        Words::WatchingStopped.said(language)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::Step;
    use mirrorsnap_domain::intent::Phase;

    const ENGLISH: Language = Language::English;

    #[test]
    fn lines_carry_the_time_since_the_beginning() {
        let step = Told::Step {
            at: 4_200,
            step: Step::Phase(Phase::Split),
        };
        assert_eq!(told(&step, 1_000, ENGLISH), "       3.2 s  Split");
        let back = Told::Back {
            at: 9_000,
            at_most: 3_500,
        };
        assert_eq!(
            told(&back, 1_000, ENGLISH),
            "       8.0 s  the service is back, after 3.5 s at most"
        );
    }

    #[test]
    fn the_last_line_counts_the_outage_while_it_lasts() {
        let mut follow = Follow::new("main");
        assert_eq!(current(&follow, 0, 1_500, ENGLISH), "       1.5 s  starting");
        follow.step = Step::Phase(Phase::Resume);
        follow.outage = Outage::Since(2_000);
        assert_eq!(
            current(&follow, 0, 4_500, ENGLISH),
            "       4.5 s  Resume   OUTAGE 2.5 s"
        );
        follow.outage = Outage::Over(3_000);
        follow.why = Some("md1 copies the difference, 37 %".to_owned());
        assert_eq!(
            current(&follow, 0, 9_000, ENGLISH),
            "       9.0 s  Resume   outage 3.0 s at most   md1 copies the difference, 37 %"
        );
    }

    #[test]
    fn ctrl_c_says_how_to_take_it_up_again() {
        let text = stopped("arn:x", " --stack other", ENGLISH);
        assert!(
            text.ends_with("mirrorsnap watch --execution arn:x --stack other"),
            "{text}"
        );
    }

    #[test]
    fn in_japanese_the_phase_keeps_its_name_and_the_rest_is_japanese() {
        let mut follow = Follow::new("main");
        follow.step = Step::Phase(Phase::Resume);
        follow.outage = Outage::Since(2_000);
        assert_eq!(
            current(&follow, 0, 4_500, Language::Japanese),
            "       4.5 s  Resume（静止、切り離し、業務の再開）   業務停止 2.5 s"
        );
        let (at, at_most) = (9_000, 3_500);
        let lines = [Told::Down { at }, Told::Back { at, at_most }].map(|one| told(&one, 1_000, Language::Japanese));
        assert_eq!(
            lines,
            [
                "       8.0 s  ここから業務が停止している可能性があります",
                "       8.0 s  業務が再開しました（停止は最長 3.5 s）"
            ]
        );
        assert!(stopped("arn:x", "", Language::Japanese).starts_with("表示を終了しました。操作は続いています。"));
    }
}
