//! With what the state machines call each function: every payload is read as the function reads it.

#[cfg(test)]
mod tests {
    use mirrorsnap_functions::functions::Function;
    use mirrorsnap_functions::trace;
    use serde_json::Value;

    /// tests/procedure/payloads.py writes the file from runs of the machines.
    fn payloads() -> Vec<Value> {
        serde_json::from_str(include_str!("payloads.json")).unwrap()
    }

    /// What is left for the function once the trace is taken out of it, which every state hands in.
    fn input(entry: &Value) -> Value {
        let mut payload = entry["payload"].clone();
        let trace = trace::take(&mut payload);
        assert!(trace.execution.is_some() && trace.phase.is_some(), "{entry}");
        payload
    }

    fn function(entry: &Value) -> Function {
        let name = entry["function"].as_str().unwrap();
        Function::named(name).unwrap_or_else(|| panic!("there is no function {name}"))
    }

    #[test]
    fn every_payload_of_the_state_machines_is_an_input_of_its_function() {
        let wrong: Vec<String> = payloads()
            .iter()
            .filter_map(|entry| {
                let error = function(entry).parse(input(entry)).err()?;
                Some(format!("{} {}: {error}", entry["machine"], entry["state"]))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_function_is_called_by_a_state_machine() {
        for function in Function::ALL {
            assert!(
                payloads().iter().any(|entry| entry["function"] == function.name()),
                "{}",
                function.name()
            );
        }
    }

    /// Whatever else is in a payload, or lacks, would end an operation when the state is reached.
    #[test]
    fn a_payload_with_one_key_too_many_or_too_few_is_refused() {
        for entry in payloads() {
            let mut more = input(&entry);
            more["nobody"] = Value::Null;
            assert!(function(&entry).parse(more).is_err(), "{entry}");
            let mut less = input(&entry);
            let keys = less.as_object_mut().unwrap();
            // The patrol and the keeping of the schedules are about all clusters.
            let needed = ["cluster", "mode", "group"];
            assert!(needed.into_iter().find_map(|key| keys.remove(key)).is_some());
            assert!(function(&entry).parse(less).is_err(), "{entry}");
        }
    }
}
