//! What a backup's description says, for `backups --show`.

use crate::catalogue::{Language, Words};
use mirrorsnap_domain::description::{Description, Facts, Pieces};
use mirrorsnap_domain::error::{Error, Result};
use serde_json::{Value, json};

fn facts(facts: &Facts) -> String {
    let line = |(name, value): (&String, &String)| format!("{name}: {value}");
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn node(
    name: &str,
    read: &std::result::Result<Pieces, String>,
    instance: Option<&Facts>,
    language: Language,
) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(instance) = instance {
        let heading = Words::Instance.said(language);
        parts.push(format!("── {name}: {heading} ──\n{}", facts(instance)));
    }
    match read {
        Err(why) => {
            let said = Words::NotDescribed { why }.said(language);
            parts.push(format!("── {name} ──\n{said}"));
        }
        Ok(read) => {
            let piece = |(what, text): (&String, &String)| format!("── {name}: {what} ──\n{}", text.trim_end());
            parts.extend(read.pieces.iter().map(piece));
            if !read.left_out.is_empty() {
                parts.push(format!(
                    "── {name}: {} ──\n{}",
                    Words::LeftOut.said(language),
                    read.left_out.join("\n")
                ));
            }
        }
    }
    parts
}

/// In words. The error is no reason to show nothing of the backup.
pub fn text(stored: &Result<Option<Description>>, language: Language) -> String {
    match stored {
        Ok(Some(description)) => {
            let of = |(name, read): (&&str, &std::result::Result<Pieces, String>)| {
                node(name, read, description.instances.get(*name), language)
            };
            let mut parts = vec![
                Words::Rebuild {
                    at: &description.taken.to_string(),
                }
                .said(language),
            ];
            parts.extend(description.pieces().iter().flat_map(of));
            parts.join("\n\n")
        }
        Ok(None) => Words::RebuildNone.said(language),
        Err(error) => Words::RebuildUnreadable {
            why: &error.to_string(),
        }
        .said(language),
    }
}

/// As JSON.
pub fn document(stored: &Result<Option<Description>>) -> Value {
    match stored {
        Ok(Some(description)) => {
            let of = |(name, read): (&str, std::result::Result<Pieces, String>)| {
                let mut node = match read {
                    Ok(read) => json!(read),
                    Err(why) => json!({"missing": why}),
                };
                if let (Some(node), Some(instance)) = (node.as_object_mut(), description.instances.get(name)) {
                    node.insert("instance".to_owned(), json!(instance));
                }
                (name.to_owned(), node)
            };
            let nodes: serde_json::Map<String, Value> = description.pieces().into_iter().map(of).collect();
            json!({"taken": description.taken, "nodes": nodes})
        }
        Ok(None) => Value::Null,
        Err(error) => unreadable(error),
    }
}

fn unreadable(error: &Error) -> Value {
    json!({"error": error.name(), "cause": error.to_string()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::description::{FORM, Told};
    use mirrorsnap_domain::error::Kind;
    use mirrorsnap_domain::time::Moment;
    use std::collections::BTreeMap;

    /// `<root>\n</root>` as clp.conf, kernel 5.14, and two names of what was left out.
    const PACKED: &str = "H4sIAAAAAAACA9PV1VVIzinQS87PS1MoSrY14LIpys8vseOy0YfQukAF2alFeak5EGlTPUMTsGBBYnJ2YnpqMUjY0MgcLJaTmlaikF9aAlEKNkE/EUonOSRzAQDO6nebbgAAAA==";

    fn description() -> Description {
        Description {
            description: FORM,
            taken: Moment::from_unix(1_777_600_000),
            nodes: BTreeMap::from([
                ("server1".to_owned(), Told::Packed(PACKED.to_owned())),
                ("server2".to_owned(), Told::Nothing("it was silent".to_owned())),
            ]),
            instances: BTreeMap::from([(
                "server1".to_owned(),
                BTreeMap::from([("type".to_owned(), "m5.large".to_owned())]),
            )]),
        }
    }

    #[test]
    fn it_shows_what_there_is_and_names_what_was_left_out() {
        let text = text(&Ok(Some(description())), Language::English);
        for part in [
            "── server1: instance ──\ntype: m5.large",
            "── server1: clp.conf ──\n<root>\n</root>",
            "left out of clp.conf, since it looks like a secret ──\n/root/a\n/root/b@c",
            "── server2 ──\nnot described: it was silent",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let json = document(&Ok(Some(description())));
        assert_eq!(json["nodes"]["server1"]["pieces"]["kernel"], "5.14\n");
        assert_eq!(json["nodes"]["server1"]["instance"]["type"], "m5.large");
        assert_eq!(json["nodes"]["server2"]["missing"], "it was silent");
    }

    #[test]
    fn none_and_one_that_cannot_be_read_are_said() {
        assert_eq!(
            text(&Ok(None), Language::English),
            "what a rebuild needs was not kept with it"
        );
        assert_eq!(document(&Ok(None)), Value::Null);
        let error = || Err(Error::new(Kind::AwsRefused, "no such table", "look"));
        assert!(text(&error(), Language::English).contains("cannot be read: no such table"));
        assert_eq!(document(&error())["error"], "AwsRefused");
    }
}
