//! What `clpmdstat` printed, changed a little: nothing is invented, and no change makes a bad mirror a good one.

use super::*;
use crate::edits::{edited, hold, stands};
use proptest::prelude::*;

const NORMAL: &str = include_str!("../../fixtures/clpmdstat-normal.txt");
const ABNORMAL: &str = include_str!("../../fixtures/clpmdstat-abnormal.txt");
const UNMADE: &str = include_str!("../../fixtures/clpmdstat-no-construction.txt");
const RECOVERING: &str = include_str!("../../fixtures/clpmdstat-recovering.txt");
const ALL: &[&str] = &[NORMAL, ABNORMAL, UNMADE, RECOVERING];

fn word(color: Color) -> &'static str {
    match color {
        Color::Green => "GREEN",
        Color::Yellow => "YELLOW",
        Color::Red => "RED",
        Color::Gray => "GRAY",
        Color::Blue => "BLUE",
    }
}

fn said(status: Status) -> &'static str {
    match status {
        Status::Normal => "Normal",
        Status::Recovering => "Recovering",
        Status::Abnormal => "Abnormal",
        Status::NoConstruction => "No Construction",
        Status::Uncertain => "Uncertain",
    }
}

/// What stands after `label` on each line that begins with it.
fn values<'a>(text: &'a str, label: &'a str) -> Vec<&'a str> {
    let lines = text.lines().filter_map(move |line| line.trim().strip_prefix(label));
    lines.map(|rest| rest.trim_start_matches(':').trim()).collect()
}

#[test]
fn the_real_outputs() {
    let read = |text| parse("md1", text).unwrap();
    assert!(read(NORMAL).is_normal());
    let abnormal = read(ABNORMAL);
    assert_eq!(
        (abnormal.status, abnormal.color("node1"), abnormal.color("node2")),
        (Status::Abnormal, Color::Green, Color::Red)
    );
    // It tells how much differs, and nothing is being copied.
    assert_eq!(abnormal.recovery, Recovery::default());
    let unmade = read(UNMADE);
    assert_eq!(
        (unmade.status, unmade.color("node1"), unmade.color("node2")),
        (Status::NoConstruction, Color::Red, Color::Gray)
    );
    let copied = Recovery {
        percent: Some(7),
        source: Some("node1".into()),
        target: Some("node2".into()),
    };
    assert_eq!(
        (read(RECOVERING).status, read(RECOVERING).recovery),
        (Status::Recovering, copied)
    );
}

#[test]
fn nothing_is_invented_and_no_change_makes_a_mirror_normal() {
    hold(20, &edited(ALL), |drawn| {
        let text = &drawn.text;
        let Ok(mirror) = parse("md1", text) else {
            return Ok(false);
        };
        prop_assert_eq!(mirror.colors.len(), 2);
        for (node, color) in &mirror.colors {
            prop_assert!(stands(node, text), "no node {}", node);
            prop_assert!(*color == Color::Gray || stands(word(*color), text), "{:?}", color);
        }
        prop_assert!(mirror.status == Status::Uncertain || text.contains(said(mirror.status)));
        let copy = &mirror.recovery;
        for node in copy.source.iter().chain(&copy.target) {
            prop_assert!(text.contains(node.as_str()), "no node {}", node);
        }
        prop_assert!(
            copy.percent
                .is_none_or(|done| done <= 100 && text.contains(&(done.to_string() + "%")))
        );
        if mirror.is_normal() {
            prop_assert!(drawn.source == NORMAL, "normal, from one that was not");
            prop_assert!(values(text, "Mirror Status").iter().all(|value| *value == "Normal"));
            let colors = values(text, "Mirror Color");
            let green = |line: &&str| line.split_whitespace().eq(["GREEN", "GREEN"]);
            prop_assert!(!colors.is_empty() && colors.iter().all(green), "{:?}", colors);
        }
        Ok(true)
    });
}

#[test]
fn a_table_cut_anywhere_shows_what_the_whole_shows_or_less() {
    for whole in ALL {
        let all = parse("md1", whole).unwrap();
        for end in 0..whole.len() {
            let Ok(part) = parse("md1", &whole[..end]) else {
                continue;
            };
            assert_eq!(part.status, all.status, "{end}");
            for (node, color) in &part.colors {
                let same = *color == all.color(node) || *color == Color::Gray;
                assert!(same, "{node} is {color:?} at {end} of {whole}");
            }
            assert!(!part.is_normal() || whole[end..].trim().is_empty(), "{end}");
        }
    }
}

prop_compose! {
    fn mirrors()(
        status in prop::sample::select(vec![Status::Normal, Status::Recovering, Status::Abnormal, Status::NoConstruction, Status::Uncertain]),
        sides in [prop::sample::select(vec![Color::Green, Color::Yellow, Color::Red, Color::Gray, Color::Blue]),
                  prop::sample::select(vec![Color::Green, Color::Yellow, Color::Red, Color::Gray, Color::Blue])],
        disk in "[a-z][a-z0-9_-]{0,15}",
        nodes in prop::collection::btree_set("[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}", 2),
        copy in prop::option::of((0_u8..=100, any::<bool>())),
    ) -> Mirror {
        let names: Vec<String> = nodes.into_iter().collect();
        let recovery = copy.map_or_else(Recovery::default, |(percent, turned)| Recovery {
            percent: Some(percent),
            source: Some(names[usize::from(turned)].clone()),
            target: Some(names[usize::from(!turned)].clone()),
        });
        Mirror { disk, status, colors: names.into_iter().zip(sides).collect(), recovery }
    }
}

/// As `clpmdstat` prints it.
fn printed(mirror: &Mirror) -> String {
    let (names, sides): (Vec<&String>, Vec<Color>) = mirror.colors.iter().map(|(name, color)| (name, *color)).unzip();
    let table = format!(
        "  Mirror Status: {}\n\n  {:<26} {:<21} {}\n  {}\n  Mirror Color               {:<21} {}\n",
        said(mirror.status),
        mirror.disk,
        names[0],
        names[1],
        "-".repeat(60),
        word(sides[0]),
        word(sides[1])
    );
    let copy = &mirror.recovery;
    let (Some(percent), Some(source), Some(target)) = (copy.percent, &copy.source, &copy.target) else {
        return table;
    };
    format!(
        "{table}\n  Difference Percent         93%                   93%\n  Direction:                 src {source}\n\
         \x20                            dst {target}\n  Percent:                   {percent}%\n"
    )
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(mirror in mirrors()) {
        prop_assert_eq!(parse(&mirror.disk, &printed(&mirror)).unwrap(), mirror);
    }

    #[test]
    fn noise_never_panics(text in "(\\PC|\n|Mirror Status:|Mirror Color|md1 |%|->|src ){0,30}") {
        let _ = parse("md1", &text);
    }
}
