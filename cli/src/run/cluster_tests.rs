use super::*;
use crate::args::{Command, Output};
use crate::ports::Status;
use crate::run;
use crate::testing::{Fake, block, free};
use clap::Parser;
use mirrorsnap_domain::lock::Lock;

fn ended(ports: &Fake, line: &str) -> Ended {
    let command = Command::try_parse_from(line.split(' ')).unwrap();
    block(run::run(ports, &mut Out::new(Output::Text), &command))
}

fn config() -> Value {
    json!({
        "name": "orders",
        "nodes": [{"name": "server1", "instance_id": "i-0123456789abcdef0"}, {"name": "server2", "instance_id": "i-0123456789abcdef1"}],
        "failover_groups": ["failover1"],
        "mirror_disks": [{"name": "md1", "monitor": "mdw1", "device": "/dev/sdb", "cluster_partition": "/dev/xvdb1",
                          "data_partition": "/dev/xvdb2"}],
        "retention": {"keep_last": 7}})
}

fn add(ports: &Fake, config: &Value, more: &str) -> Ended {
    let path = std::env::temp_dir().join(format!("mirrorsnap-cli-{}-{:p}.json", std::process::id(), ports));
    fs::write(&path, config.to_string()).unwrap();
    let ended = ended(
        ports,
        &format!("mirrorsnap cluster add --from {}{more}", path.display()),
    );
    fs::remove_file(path).unwrap();
    ended
}

fn known() -> Fake {
    let fake = Fake::new(Status::Succeeded, &[]);
    let ids = ["i-0123456789abcdef0", "i-0123456789abcdef1"];
    *fake.instances.borrow_mut() = ids.map(|id| (id.parse().unwrap(), None)).into();
    fake
}

const SURE: &str = " --yes --confirm orders";

#[test]
fn a_description_is_read_strictly_and_written_after_the_tags() {
    let ports = known();
    assert_eq!(add(&ports, &config(), SURE), Ok(Exit::Done));
    let wrote = ports.wrote.borrow().clone();
    assert_eq!(wrote.len(), 2);
    assert_eq!(
        wrote.first().unwrap(),
        "tag orders i-0123456789abcdef0 i-0123456789abcdef1"
    );
    assert!(wrote.get(1).unwrap().starts_with("describe orders {"), "{wrote:?}");
    let mut bad = config();
    bad["max_outage"] = json!(60);
    assert_eq!(add(&ports, &bad, SURE).unwrap_err().exit(), Exit::Refused);
    assert_eq!(ports.wrote.borrow().len(), 2);
}

#[test]
fn what_is_somebody_elses_or_there_already_is_refused() {
    let ports = Fake::new(Status::Succeeded, &[]);
    assert_eq!(
        add(&ports, &config(), SURE).unwrap_err().exit(),
        Exit::Refused,
        "no such instances"
    );
    let ports = known();
    let other = "i-0123456789abcdef1".parse().unwrap();
    ports.instances.borrow_mut().insert(other, Some("accounts".to_owned()));
    assert_eq!(
        add(&ports, &config(), SURE).unwrap_err().exit(),
        Exit::Refused,
        "another cluster's"
    );
    let mut ports = known();
    ports.described = Some(config());
    assert_eq!(
        add(&ports, &config(), SURE).unwrap_err().exit(),
        Exit::Refused,
        "there already"
    );
    assert_eq!(ports.wrote.borrow().len(), 0);
    assert_eq!(
        add(&ports, &config(), " --replace --yes --confirm orders"),
        Ok(Exit::Done)
    );
}

#[test]
fn the_name_is_typed_before_anything_is_written() {
    let ports = known();
    assert_eq!(
        add(&ports, &config(), " --yes --confirm order").unwrap_err().exit(),
        Exit::Refused
    );
    assert_eq!(ports.wrote.borrow().len(), 0);
}

#[test]
fn a_cluster_is_removed_only_while_nothing_runs() {
    let mut ports = known();
    assert_eq!(
        ended(&ports, "mirrorsnap cluster remove orders --yes --confirm orders")
            .unwrap_err()
            .exit(),
        Exit::Refused
    );
    ports.described = Some(config());
    for tag in ports.instances.borrow_mut().values_mut() {
        *tag = Some("orders".to_owned());
    }
    ports.lock = Lock {
        holder: Some("arn".to_owned()),
        ..free()
    };
    assert_eq!(
        ended(&ports, "mirrorsnap cluster remove orders --yes --confirm orders")
            .unwrap_err()
            .exit(),
        Exit::Refused
    );
    assert_eq!(ports.wrote.borrow().len(), 0);
    ports.lock = free();
    assert_eq!(
        ended(&ports, "mirrorsnap cluster remove orders --yes --confirm orders"),
        Ok(Exit::Done)
    );
    let wanted = ["forget orders", "untag orders i-0123456789abcdef0 i-0123456789abcdef1"];
    assert_eq!(*ports.wrote.borrow(), wanted);
}

#[test]
fn an_instance_that_is_named_no_more_loses_its_tag() {
    let mut ports = known();
    ports.described = Some(config());
    let gone = "i-0123456789abcdef2".parse().unwrap();
    ports.instances.borrow_mut().insert(gone, Some("orders".to_owned()));
    let more = " --replace --yes --confirm orders";
    assert_eq!(add(&ports, &config(), more), Ok(Exit::Done));
    assert_eq!(
        ports.wrote.borrow().last().unwrap(),
        "untag orders i-0123456789abcdef2",
        "after the description, which its roles read"
    );
    ports.lock = Lock {
        holder: Some("arn".to_owned()),
        ..free()
    };
    let refused = add(&ports, &config(), more).unwrap_err();
    assert!(
        matches!(&refused, Trouble::Error(error) if error.kind() == Kind::OperationInProgress),
        "{refused:?}"
    );
}

#[test]
fn a_tag_that_not_exactly_two_instances_have_is_refused_and_so_is_a_node_that_is_silent() {
    let ports = known();
    let decided = "--keep 7 --max-outage 120 --schedule none --objective none --yes --confirm orders";
    let refused = |line: &str| match ended(&ports, line).unwrap_err() {
        Trouble::Error(error) => (error.kind(), error.to_string()),
        Trouble::Usage(text) => panic!("{text}"),
    };
    let (kind, text) = refused(&format!("mirrorsnap cluster add orders --tag Role=db {decided}"));
    assert_eq!(kind, Kind::InstanceNotManaged);
    assert!(
        text.contains("0 instances have the tag Role=db") && text.contains("--node"),
        "{text}"
    );
    let nodes = "--node i-0123456789abcdef0 --node i-0123456789abcdef1";
    let (kind, _) = refused(&format!("mirrorsnap cluster add orders {nodes} {decided}"));
    assert_eq!(kind, Kind::NodeUnreachable);
    let (kind, _) = refused(&format!(
        "mirrorsnap cluster add orders --node i-0123456789abcdef0 --node i-0fff {decided}"
    ));
    assert_eq!(kind, Kind::InstanceNotManaged);
    assert_eq!(ports.wrote.borrow().len(), 0);
}
