//! What an event "Step Functions Execution Status Change" proves: which executions have ended (safety.md, rules 7 and 13). The event
//! is the better proof of it, since DescribeExecution may still say RUNNING.
//!
//! A recover that was started by such an event has the event as its input. So if it ends too, its own event holds the earlier
//! one, and the execution that holds a lock may be any of them.

use crate::error::{Error, Kind, Result};
use crate::lock::HolderStatus;
use crate::names;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An execution that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Its ARN; `holder` to the state machine, which gets the holder of a lock.
    #[serde(rename = "holder")]
    pub execution: String,
    /// How: `FAILED`, `TIMED_OUT`, `ABORTED`, `SUCCEEDED`.
    pub status: String,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The execution of the event, and those whose end had started it, newest first.
    pub ended: Vec<Ended>,
    /// The cluster for which the first recover of them was started by hand, by a hold's end or by the patrol.
    pub cluster: Option<String>,
}

/// The cluster that recover looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Its name.
    pub cluster: String,
    /// The holder of its lock, if the event proves that it has ended; else it has to be described.
    pub proved: Option<Ended>,
}

/// An event "Step Functions Execution Status Change", as far as it is read.
#[derive(Debug, Deserialize)]
struct Event {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Detail,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    execution_arn: String,
    state_machine_arn: String,
    status: String,
    /// The execution's input; `None`: it is too long for an event.
    #[serde(default)]
    input: Option<String>,
}

/// What recover is started with by a hold's end and by the patrol, or by hand.
#[derive(Debug, Deserialize)]
struct Request {
    cluster: String,
    #[serde(default)]
    holder: Option<String>,
    #[serde(default)]
    status: Option<String>,
}

/// More events than this one inside the other cannot be: each doubles the backslashes before a quotation mark, and EventBridge
/// leaves an input of more than 248 KiB out.
const DEEPEST: usize = 24;

/// Reads an event. `recover`: the ARN of recover's state machine. Error: `InputInvalid`.
pub fn read(event: &Value, recover: &str) -> Result<Told> {
    let mut told = Told {
        ended: Vec::new(),
        cluster: None,
    };
    let mut event = event.clone();
    for _ in 0..DEEPEST {
        let Some(detail) = one(event) else { break };
        let machine = detail.state_machine_arn;
        told.ended.push(Ended {
            execution: detail.execution_arn,
            status: detail.status,
        });
        let Ok(input) = serde_json::from_str::<Value>(&detail.input.unwrap_or_default()) else {
            break;
        };
        if machine == recover
            && let Ok(request) = serde_json::from_value::<Request>(input.clone())
            && names::cluster(&request.cluster).is_ok()
        {
            told.cluster = Some(request.cluster);
            let status = request.status.filter(|word| has_ended(word));
            if let Some((execution, status)) = request.holder.zip(status) {
                told.ended.push(Ended { execution, status });
            }
            break;
        }
        event = input;
    }
    if told.ended.is_empty() {
        return Err(Error::new(
            Kind::InputInvalid,
            "this is no event of an execution that has ended",
            "run `mirrorsnap recover CLUSTER`",
        ));
    }
    Ok(told)
}

fn has_ended(status: &str) -> bool {
    HolderStatus::read(status) == HolderStatus::Ended
}

/// `None`: it is no such event, or does not say that the execution ended.
fn one(event: Value) -> Option<Detail> {
    let event: Event = serde_json::from_value(event).ok()?;
    let ours = event.source == "aws.states" && event.detail_type == "Step Functions Execution Status Change";
    (ours && has_ended(&event.detail.status)).then_some(event.detail)
}

/// The cluster whose lock one of the executions holds; `holders` is by cluster. If none does, a recover that was aborted before it took the lock names
/// it. `None`: no cluster needs anything because of this event.
pub fn find(told: &Told, holders: &BTreeMap<String, String>) -> Option<Found> {
    let holds = |execution: &Ended| {
        let (cluster, _) = holders.iter().find(|(_, holder)| **holder == execution.execution)?;
        Some(Found {
            cluster: cluster.clone(),
            proved: Some(execution.clone()),
        })
    };
    let named = || {
        Some(Found {
            cluster: told.cluster.clone()?,
            proved: None,
        })
    };
    told.ended.iter().find_map(holds).or_else(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RECOVER: &str = "arn:aws:states:eu-west-1:1:stateMachine:mirrorsnap-recover";
    const BACKUP: &str = "arn:aws:states:eu-west-1:1:stateMachine:mirrorsnap-backup";

    fn event(machine: &str, name: &str, status: &str, input: &Value) -> Value {
        json!({"version": "0", "source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": {
            "executionArn": name, "stateMachineArn": machine, "status": status, "input": input.to_string(),
            "inputDetails": {"included": true}}})
    }

    fn holders(of: &[(&str, Option<&str>)]) -> BTreeMap<String, String> {
        let entry = |(cluster, holder): &(&str, Option<&str>)| Some(((*cluster).to_owned(), (*holder)?.to_owned()));
        of.iter().filter_map(entry).collect()
    }

    fn found(event: &Value, of: &[(&str, Option<&str>)]) -> Option<(String, Option<String>)> {
        let found = find(&read(event, RECOVER).unwrap(), &holders(of))?;
        Some((found.cluster, found.proved.map(|ended| ended.execution)))
    }

    fn held(cluster: &str, holder: &str) -> (String, Option<String>) {
        (cluster.to_owned(), Some(holder.to_owned()))
    }

    #[test]
    fn the_cluster_is_the_one_whose_lock_the_execution_holds() {
        let ended = event(BACKUP, "b", "ABORTED", &json!({"cluster": "orders"}));
        let holders = [("accounts", Some("x")), ("orders", Some("b")), ("zeta", None)];
        assert_eq!(found(&ended, &holders), Some(held("orders", "b")));
        // Whatever its input named: the lock decides.
        assert_eq!(found(&ended, &[("accounts", Some("b"))]), Some(held("accounts", "b")));
        // A refused backup held nothing.
        assert_eq!(found(&ended, &[("orders", Some("another"))]), None);
        assert_eq!(found(&ended, &[]), None);
    }

    #[test]
    fn a_recover_is_followed_by_another_however_it_was_started() {
        let backup = event(BACKUP, "b", "FAILED", &json!({"cluster": "orders"}));
        let by_rule = event(RECOVER, "r", "ABORTED", &backup);
        assert_eq!(found(&by_rule, &[("orders", Some("r"))]), Some(held("orders", "r")));
        // It was aborted before it took the lock.
        assert_eq!(found(&by_rule, &[("orders", Some("b"))]), Some(held("orders", "b")));
        let twice = event(RECOVER, "s", "TIMED_OUT", &by_rule);
        for holder in ["s", "r", "b"] {
            assert_eq!(found(&twice, &[("orders", Some(holder))]), Some(held("orders", holder)));
        }
        let by_hand = event(RECOVER, "r", "ABORTED", &json!({"cluster": "orders"}));
        assert_eq!(found(&by_hand, &[("orders", Some("r"))]), Some(held("orders", "r")));
        assert_eq!(found(&by_hand, &[("orders", Some("b"))]), Some(("orders".into(), None)));
        let hold = json!({"cluster": "orders", "holder": "b", "status": "ABORTED", "AWS_STEP": "x"});
        let by_hold = event(RECOVER, "r", "ABORTED", &hold);
        assert_eq!(found(&by_hold, &[("orders", Some("b"))]), Some(held("orders", "b")));
        let unknown = event(
            RECOVER,
            "r",
            "ABORTED",
            &json!({"cluster": "orders", "holder": "b", "status": "RUNNING"}),
        );
        assert_eq!(found(&unknown, &[("orders", Some("b"))]), Some(("orders".into(), None)));
        let nobody = event(RECOVER, "r", "ABORTED", &json!({"cluster": "Or ders"}));
        assert_eq!(found(&nobody, &[("orders", Some("b"))]), None);
    }

    #[test]
    fn the_proof_is_told_as_the_state_machine_reads_it() {
        let ended = event(BACKUP, "b", "ABORTED", &json!({}));
        let found = find(&read(&ended, RECOVER).unwrap(), &holders(&[("orders", Some("b"))])).unwrap();
        let told = json!({"cluster": "orders", "proved": {"holder": "b", "status": "ABORTED"}});
        assert_eq!(serde_json::to_value(found).unwrap(), told);
    }

    #[test]
    fn an_input_that_is_left_out_is_no_obstacle() {
        let mut long = event(RECOVER, "r", "ABORTED", &json!({}));
        long["detail"]["input"] = Value::Null;
        long["detail"]["inputDetails"] = json!({"included": false});
        assert_eq!(found(&long, &[("orders", Some("r"))]), Some(held("orders", "r")));
        assert_eq!(found(&long, &[("orders", Some("b"))]), None);
    }

    #[test]
    fn what_is_no_such_event_is_refused() {
        let good = event(BACKUP, "b", "FAILED", &json!({}));
        let with = |path: &str, value: Value| {
            let mut bad = good.clone();
            *bad.pointer_mut(path).unwrap() = value;
            read(&bad, RECOVER)
        };
        for (path, value) in [
            ("/source", json!("my.app")),
            ("/detail-type", json!("Scheduled Event")),
            ("/detail/status", json!("RUNNING")),
            ("/detail/executionArn", json!(7)),
            ("/detail", json!("text")),
        ] {
            assert_eq!(with(path, value).unwrap_err().kind(), Kind::InputInvalid, "{path}");
        }
        assert!(read(&json!({"cluster": "orders"}), RECOVER).is_err());
        assert_eq!(with("/detail/input", json!("no JSON")).unwrap().ended.len(), 1);
    }
}
