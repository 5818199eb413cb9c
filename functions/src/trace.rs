//! What every line of a function's log says: which execution called it, in which phase, for which cluster and operation.
//!
//! The state machines hand it in beside the function's own input, as `trace`. A call without it is logged without these.

use serde_json::Value;

/// Who called. An absent part is not logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The execution's ARN.
    pub execution: Option<String>,
    /// The state's name.
    pub state: Option<String>,
    /// The phase that the state belongs to: the words before its colon, or its name.
    pub phase: Option<String>,
    /// The cluster; `None`: the call is about all of them.
    pub cluster: Option<String>,
    /// The backup's or restore's id, if the input has it. Later the lock's intent tells it.
    pub id: Option<String>,
}

/// Takes `trace` out of a payload, so that the function's own input is left.
pub fn take(payload: &mut Value) -> Trace {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let (cluster, id) = (text(payload, "cluster"), text(payload, "id"));
    let handed = payload.as_object_mut().and_then(|keys| keys.remove("trace"));
    let handed = handed.unwrap_or_default();
    let state = text(&handed, "state");
    let phase = state
        .as_deref()
        .map(|state| state.split(':').next().unwrap_or(state).to_owned());
    Trace {
        execution: text(&handed, "execution"),
        state,
        phase,
        cluster,
        id,
    }
}

/// The operation's id, as soon as it is known: every line from here on has it.
pub fn operation(id: &str) {
    tracing::Span::current().record("id", id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_trace_is_taken_out_and_the_rest_is_left() {
        let mut payload = json!({"cluster": "orders", "id": "orders-20260501T020304Z", "mode": "progress",
                                 "trace": {"execution": "arn:b", "state": "Snapshot: progress"}});
        let trace = take(&mut payload);
        let wanted = json!({"cluster": "orders", "id": "orders-20260501T020304Z", "mode": "progress"});
        assert_eq!(payload, wanted);
        assert_eq!(trace.execution.as_deref(), Some("arn:b"));
        assert_eq!(trace.state.as_deref(), Some("Snapshot: progress"));
        assert_eq!(trace.phase.as_deref(), Some("Snapshot"));
        assert_eq!(trace.cluster.as_deref(), Some("orders"));
        assert_eq!(trace.id.as_deref(), Some("orders-20260501T020304Z"));
    }

    #[test]
    fn a_call_without_a_trace_is_left_as_it_is() {
        for mut payload in [json!({"mode": "fleet"}), json!([1]), json!("x"), json!(null)] {
            let before = payload.clone();
            assert_eq!(take(&mut payload), Trace::default());
            assert_eq!(payload, before);
        }
        // Somebody's trace that is none.
        let mut payload = json!({"trace": "x", "cluster": 7});
        assert_eq!(take(&mut payload), Trace::default());
        assert_eq!(payload, json!({"cluster": 7}));
    }
}
