use super::*;
use crate::clusterpro::monitors::{monitor_state, monitors_with_names, parse_monitors};
use proptest::prelude::*;

const PLAIN: &str = " ========================  CLUSTER STATUS  ===========================
  Cluster : cluster
  <server>
   *server1 ........: Online           primary
      lankhb1       : Normal           Kernel Mode LAN Heartbeat
    server2 ........: Online
      lankhb1       : Normal           Kernel Mode LAN Heartbeat
  <group>
    ManagementGroup : Online           Management Group
      current       : server1
      ManagementIP  : Online           10.0.0.10
    failover1 ......: Online           failover group
      current       : server1
      md1           : Online           /dev/NMP1
      exec1         : Online
    failover2 ......: Offline
      current       : -
      md2           : Offline
  <monitor>
    mdnw1           : Normal
    mdw1            : Suspend
 =====================================================================
";

const MONITORS: &str = " =====================  MONITOR RESOURCE STATUS  =====================
  Cluster : cluster
   *server0 : server1
    server1 : server2

  Monitor0 [mdw1 : Normal]
 ---------------------------------------------------------------------
    server0 [o|o] : Online
    server1 [o|o] : Suspend
  Monitor1 [mdnw1 : Normal]
 ---------------------------------------------------------------------
    server0 [o|o] : Online
    server1 [o|o] : Offline
";

#[test]
fn servers_groups_and_monitors() {
    let stat = parse(PLAIN).unwrap();
    assert_eq!(
        (stat.server("server1"), stat.server("server2")),
        (State::Online, State::Online)
    );
    assert_eq!(stat.server("server3"), State::Unknown);
    let group = stat.group("failover1").unwrap();
    assert_eq!(
        (group.state, group.current.as_deref()),
        (State::Online, Some("server1"))
    );
    assert_eq!(stat.group("failover2").unwrap().current, None);
    assert_eq!(stat.failover_groups().count(), 2);
    assert_eq!(stat.monitors["mdw1"], State::Suspended);
    assert!(!stat.monitors.contains_key("lankhb1"));
}

#[test]
fn a_daemon_with_a_heartbeat_line_down_runs() {
    for (word, runs) in [
        ("Online", true),
        ("Caution", true),
        ("Offline", false),
        ("Error", false),
        ("???", false),
    ] {
        let text = PLAIN.replace("server2 ........: Online", &format!("server2 ........: {word}"));
        assert_eq!(parse(&text).unwrap().daemon_runs("server2"), runs, "{word}");
    }
}

#[test]
fn states_in_words() {
    for (words, state) in [
        (" Online           comment failed", State::Online),
        (" Online Pending", State::Pending),
        (" Offline Failure", State::Failed),
        (" Online(Standby)", State::Unknown),
        (" Error", State::Failed),
        (" Caution", State::Caution),
        (" Normal", State::Online),
        (" Suspend", State::Suspended),
        ("", State::Unknown),
    ] {
        assert_eq!(State::read(words), state, "{words}");
    }
}

/// A cluster with these groups, on nodes and with a monitor of long names.
fn config(groups: &[&str]) -> Config {
    let mut json = crate::testing::orders();
    json["failover_groups"] = serde_json::json!(groups);
    json["nodes"][0]["name"] = "cluster-server1".into();
    json["nodes"][1]["name"] = "cluster-server12".into();
    json["mirror_disks"][0]["monitor"] = "mdw1-production-1".into();
    Config::parse("orders", &json.to_string()).unwrap()
}

#[test]
fn cut_names_are_recognised_only_when_unambiguous() {
    let read = |text: &str, groups: &[&str]| parse(text).unwrap().with_names(&config(groups));
    let text = PLAIN
        .replace("failover1 ......", "failover_orders_")
        .replace("failover2 ......", "failover_orders_");
    assert!(
        read(&text, &["failover_orders_production"])
            .group("failover_orders_production")
            .is_none()
    );
    let one = PLAIN.replace("failover1 ......", "failover_orders_");
    let production = "failover_orders_production";
    assert!(read(&one, &[production]).group(production).is_some());
    // It may be either.
    assert!(
        read(&one, &[production, "failover_orders_test"])
            .group(production)
            .is_none()
    );
    // Too short to have been cut.
    let short = PLAIN.replace("failover1 ......", "failover_orde   ");
    assert!(read(&short, &[production]).group(production).is_none());
}

#[test]
fn a_name_that_another_one_begins_with_is_found() {
    let both = "<server>\n *cluster-server12 ..: Online\n  cluster-server1 ..: Offline\n<group>\n \
                failover-orders ..: Online\n  current ..: cluster-server12\n failover-orders2 ..: Offline\n  current ..: -\n";
    let stat = parse(both)
        .unwrap()
        .with_names(&config(&["failover-orders", "failover-orders2"]));
    let (first, second) = (
        stat.group("failover-orders").unwrap(),
        stat.group("failover-orders2").unwrap(),
    );
    assert_eq!((first.state, second.state), (State::Online, State::Offline));
    assert_eq!(first.current.as_deref(), Some("cluster-server12"));
    assert_eq!(stat.server("cluster-server1"), State::Offline);
    assert_eq!(stat.server("cluster-server12"), State::Online);
    // The shorter one, shown whole, is not taken for the longer one that is missing.
    let alone = both.split(" failover-orders2").next().unwrap();
    let stat = parse(alone)
        .unwrap()
        .with_names(&config(&["failover-orders", "failover-orders2"]));
    assert!(stat.group("failover-orders2").is_none() && stat.group("failover-orders").is_some());
    // Nor, where it is not configured, for the longer one that is shown too.
    let stat = parse(both).unwrap().with_names(&config(&["failover-orders2"]));
    assert_eq!(stat.group("failover-orders2").unwrap().state, State::Offline);
}

#[test]
fn cut_names_of_monitors_and_nodes_are_made_whole() {
    let text = "Monitor0 [mdw1-production- : Normal]\n  cluster-server1 : Suspend\n  cluster-server12 : Online\n";
    let monitors = monitors_with_names(parse_monitors(text).unwrap(), &config(&["failover1"]));
    let state = |node: &str| monitor_state(&monitors, "mdw1-production-1", node);
    assert_eq!(
        (state("cluster-server1"), state("cluster-server12")),
        (State::Suspended, State::Online)
    );
}

#[test]
fn monitors_on_each_node() {
    let monitors = parse_monitors(MONITORS).unwrap();
    assert_eq!(monitor_state(&monitors, "mdw1", "server1"), State::Online);
    assert_eq!(monitor_state(&monitors, "mdw1", "server2"), State::Suspended);
    assert_eq!(monitor_state(&monitors, "mdnw1", "server2"), State::Offline);
    assert_eq!(monitor_state(&monitors, "mdw2", "server2"), State::Unknown);
    let colon = MONITORS
        .replace("Monitor0 [", "Monitor0 : [")
        .replace("Monitor1 [", "Monitor1 : [");
    assert_eq!(parse_monitors(&colon).unwrap(), monitors);
    let plain = "Monitor0 [mdw1 : Normal]\n  server1 ....: Suspend\n  server2 : Online\n";
    assert_eq!(
        monitor_state(&parse_monitors(plain).unwrap(), "mdw1", "server1"),
        State::Suspended
    );
}

#[test]
fn nothing_is_unreadable() {
    for text in [
        "",
        "Cluster daemon is not running.\n",
        "<server>\n server1 : Online\n",
        "<group>\n g : Online\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(parse_monitors("").is_err());
    assert!(
        parse(&PLAIN.replace("    server2 ...", "    server1 ...").replace(
            "server1 ........: Online           primary",
            "server1 ........: Offline"
        ))
        .is_err()
    );
}

proptest! {
    #[test]
    fn garbage_never_panics_nor_is_offline(text in "(\\PC|\n| |:|<group>|<server>|Offline|Online){0,120}") {
        if let Ok(stat) = parse(&text) {
            prop_assert!(stat.groups.iter().all(|group| group.state != State::Offline) || text.contains("Offline"));
        }
        let _ = parse_monitors(&text);
    }

    #[test]
    fn a_cut_output_never_makes_a_running_group_offline(cut in 0_usize..1200) {
        let part = PLAIN.get(..cut.min(PLAIN.len())).unwrap_or_default();
        let shown = parse(part).ok().and_then(|stat| stat.group("failover1").map(|group| group.state));
        prop_assert!(shown != Some(State::Offline), "{:?}", shown);
    }
}

/// As X 6.0 prints it with the cluster stopped on both nodes (EXPRESSCLUSTER/clpaic, README).
const STOPPED: &str = "  Cluster : billing
  <server>
   *server1 .........: Offline
      lankhb1        : Offline          Kernel Mode LAN Heartbeat
    server2 .........: Offline
      lankhb1        : Offline          Kernel Mode LAN Heartbeat
  <group>
    failover1 .......: Offline
      current        : None
      md1            : Offline
  <monitor>
    mdw1             : Offline
";

#[test]
fn a_table_of_a_stopped_daemon_is_no_daemon() {
    let config = crate::testing::config();
    assert!(parse(STOPPED).is_ok());
    assert_eq!(of_running_daemon(STOPPED, "server1", &config), None);
    // Only the server's own word counts, and only Offline.
    for word in ["Online", "Caution", "Online Pending", "Unknown", "Warning"] {
        let text = STOPPED.replacen("*server1 .........: Offline", &format!("*server1 .........: {word}"), 1);
        assert!(of_running_daemon(&text, "server1", &config).is_some(), "{word}");
    }
    let peer_down = STOPPED.replacen("*server1 .........: Offline", "*server1 .........: Online", 1);
    assert!(of_running_daemon(&peer_down, "server1", &config).is_some());
    // The configuration names the wrong node: what another one's daemon does is not known from its peer's table.
    assert!(of_running_daemon(&peer_down, "server2", &config).is_some());
    assert_eq!(
        of_running_daemon("Could not connect to the server.", "server1", &config),
        None
    );
}
