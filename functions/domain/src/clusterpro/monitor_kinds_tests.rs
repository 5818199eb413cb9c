use super::*;
use std::collections::BTreeSet;

#[test]
fn each_has_its_own_word_which_is_read_again() {
    let words: BTreeSet<&str> = MonitorKind::ALL.iter().map(|kind| kind.word()).collect();
    assert_eq!(words.len(), MonitorKind::ALL.len());
    for kind in MonitorKind::ALL {
        assert_eq!(MonitorKind::read(kind.word()), Some(*kind));
        assert!(!kind.why().is_empty());
    }
    assert_eq!(MonitorKind::read("newdbw"), None);
}

/// What the document asks for is what is judged.
#[test]
fn the_document_asks_for_the_limits_of_these_types() {
    let words: Vec<&str> = MonitorKind::limited().map(MonitorKind::word).collect();
    let script = include_str!("../../../../infra/documents/lib/settings.sh");
    let line = script.lines().find_map(|line| line.strip_prefix("WAITING='"));
    let asked: Vec<&str> = line.unwrap().trim_end_matches('\'').split(' ').collect();
    assert_eq!(asked, words);
    for (word, waits) in [
        ("diskw", true),
        ("userw", true),
        ("genw", true),
        ("psqlw", true),
        ("mysqlw", true),
        ("oraclew", true),
        ("httpw", true),
    ]
    .into_iter()
    .chain(["mdw", "mdnw", "pidw", "ipw", "volmgrw"].map(|word| (word, false)))
    {
        assert_eq!(words.contains(&word), waits, "{word}");
    }
}

/// docs/safety.md has the table for people, with the source of each type that one is known for.
#[test]
fn the_page_has_each_type_and_where_its_name_is_from() {
    let page = include_str!("../../../../docs/safety.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("w` "))
        .collect();
    for kind in MonitorKind::ALL {
        let row = rows.iter().find(|row| row.contains(&format!("`{}`", kind.word())));
        let row = row.unwrap_or_else(|| panic!("no row has {}", kind.word()));
        let judged = row.contains("longer than the longest pause");
        assert_eq!(judged, kind.waits() != Waits::ForNothing, "{row}");
        let likely = row.contains(&format!("`{}` †", kind.word()));
        assert_eq!(likely, kind.source() == Source::Likely, "{}: {row}", kind.word());
    }
}
