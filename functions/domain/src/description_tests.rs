use super::*;
use crate::reply::Reply;
use crate::sentence::Said;

/// `<root>\n</root>` as clp.conf, kernel 5.14, a command that the node does not have, and two names of what was left out.
const PACKED: &str = "H4sIAAAAAAACA9PV1VVIzinQS87PS1MoSrY14LIpys8vseOy0YfQukAF2alFeak5EGlTPUMTsGBBYnJ2YnpqMUjY0MgcLJaTmlaikF9aAlEKNkE/EUonOSRzAQDO6nebbgAAAA==";
/// `<root/>`, and the same kernel.
const OTHER: &str = "H4sIAAAAAAACA9PV1VVIzinQS87PS1MoSrY14LIpys8v0bfj0gXKZKcW5aXmQMRN9QxNuABAk59ZLwAAAA==";

fn part(number: u32, parts: u32, characters: usize, digest: &str, text: &str) -> Reply {
    let line = format!(
        "mirrorsnap {{\"document\":\"describe\",\"run\":\"r\",\"epoch\":null,\"boot_id\":\"b\",\"uptime\":1.0,\"result\":\"ok\",\
         \"pack\":{{\"part\":{number},\"parts\":{parts},\"characters\":{characters},\"digest\":\"{digest}\"}}}}\n--- part rc=0\n{text}\n"
    );
    Reply::parse("describe", "server1", &line).unwrap()
}

fn description(server1: Told, kind: &str) -> Description {
    Description {
        description: FORM,
        taken: Moment::from_unix(1_777_777_777),
        nodes: BTreeMap::from([
            ("server1".to_owned(), server1),
            ("server2".to_owned(), Told::Packed(PACKED.to_owned())),
        ]),
        instances: BTreeMap::from([(
            "server1".to_owned(),
            BTreeMap::from([("type".to_owned(), kind.to_owned())]),
        )]),
    }
}

#[test]
fn parts_of_one_whole_are_put_together() {
    let both = [part(1, 2, 6, "d", "abc"), part(2, 2, 6, "d", "def")];
    assert_eq!(joined(&both).unwrap(), "abcdef");
    let [first, second] = both;
    for (parts, why) in [
        (vec![], "no parts"),
        (vec![first.clone()], "is missing"),
        (vec![second.clone(), first.clone()], "is missing"),
        (vec![first.clone(), part(2, 2, 6, "e", "def")], "changed"),
        (vec![first.clone(), part(2, 2, 6, "d", "de")], "5 of its 6"),
        (vec![first, second.clone(), second], "is missing"),
    ] {
        let said = joined(&parts).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn what_is_packed_is_read_and_what_is_damaged_is_not() {
    let read = Pieces::read(PACKED).unwrap();
    assert_eq!(read.pieces["clp.conf"], "<root>\n</root>\n");
    assert_eq!(read.pieces.keys().collect::<Vec<_>>(), ["clp.conf", "kernel"]);
    assert_eq!(read.left_out, ["/root/a", "/root/b@c"]);
    let cut = &PACKED[..PACKED.len() - 8];
    let other_length = format!("{}cgAAAA==", &PACKED[..PACKED.len() - 8]);
    for damaged in ["", "QUJD", cut, &other_length, "not base64!"] {
        assert_eq!(
            Pieces::read(damaged).unwrap_err().kind(),
            Kind::OutputUnreadable,
            "{damaged}"
        );
    }
}

#[test]
fn it_is_stored_as_json_and_other_forms_are_refused() {
    let one = description(Told::Nothing("it was down".to_owned()), "m5.large");
    let json = serde_json::to_string(&one).unwrap();
    assert_eq!(Description::parse(&json).unwrap(), one);
    assert_eq!(one.missing(), ["server1: it was down"]);
    assert!(Description::parse(&json.replace("\"description\":1", "\"description\":2")).is_err());
    assert!(Description::parse("{}").is_err());
}

fn told(sentences: Vec<Sentence>) -> Vec<String> {
    Said(sentences).words()
}

#[test]
fn a_plan_says_what_has_changed() {
    let packed = |text: &str| Told::Packed(text.to_owned());
    let then = description(packed(PACKED), "m5.large");
    let now = description(packed(OTHER), "m6i.large");
    assert_eq!(
        told(since(&then, &now)),
        [
            "since the backup: server1: clp.conf differs",
            "since the backup: server1: the instance's type was m5.large, and is m6i.large"
        ]
    );
    let same = told(since(&then, &then));
    assert!(same.len() == 1 && same[0].contains("as they were"), "{same:?}");
    assert!(told(not_known(Sentence::NoDescription))[0].ends_with("is not known: the backup has no description"));
}

#[test]
fn what_is_not_known_is_not_taken_as_unchanged() {
    let then = description(Told::Packed(PACKED.to_owned()), "m5.large");
    let silent = description(Told::Nothing("its SSM agent is away".to_owned()), "m5.large");
    let said = told(since(&then, &silent));
    assert_eq!(
        said,
        ["since the backup: server1: what it is like now is not known (its SSM agent is away)"]
    );
    assert!(told(since(&silent, &then))[0].contains("what it was like is not known"));
    let mut gone = then.clone();
    gone.nodes.remove("server2");
    assert!(told(since(&then, &gone))[0].contains("no node of the cluster"));
}
