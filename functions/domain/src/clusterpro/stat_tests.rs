use super::*;
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
    assert_eq!(stat.mirror_disks().collect::<Vec<_>>(), ["md1", "md2"]);
    assert_eq!(stat.monitors["mdw1"], State::Suspended);
    assert!(!stat.monitors.contains_key("lankhb1"));
}

#[test]
fn offline_means_the_peer_online_and_every_group_offline() {
    let down = PLAIN
        .replace("failover1 ......: Online ", "failover1 ......: Offline")
        .replace("current       : server1\n      md1", "current       : -\n      md1");
    assert!(parse(&down).unwrap().all_offline("server2"));
    assert!(!parse(PLAIN).unwrap().all_offline("server2"));
    for (from, to) in [
        ("server2 ........: Online", "server2 ........: Offline"),
        ("server2 ........: Online", "server2 ........: Unknown"),
        ("failover2 ......: Offline", "failover2 ......: Offline Pending"),
        ("failover2 ......: Offline", "failover2 ......: Offline Failure"),
        ("failover2 ......: Offline", "failover2 ......: ???"),
        ("failover2 ......: Offline", "failover2 ......: Online"),
    ] {
        assert!(!parse(&down.replace(from, to)).unwrap().all_offline("server2"), "{to}");
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
        (" Caution", State::Failed),
        (" Normal", State::Online),
        (" Suspend", State::Suspended),
        ("", State::Unknown),
    ] {
        assert_eq!(State::read(words), state, "{words}");
    }
}

#[test]
fn cut_names_are_recognised_only_when_unambiguous() {
    assert!(same_name("failover_orders_", "failover_orders_production"));
    assert!(!same_name("failover", "failover_orders"));
    assert!(!same_name("failover_orders_x", "failover_orders_production"));
    let text = PLAIN
        .replace("failover1 ......", "failover_orders_")
        .replace("failover2 ......", "failover_orders_");
    assert!(parse(&text).unwrap().group("failover_orders_production").is_none());
    let one = PLAIN.replace("failover1 ......", "failover_orders_");
    assert!(parse(&one).unwrap().group("failover_orders_production").is_some());
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
            prop_assert!(!stat.all_offline("server2") || (text.contains("Offline") && text.contains("server2")));
        }
        let _ = parse_monitors(&text);
    }

    #[test]
    fn a_cut_output_never_makes_a_running_group_offline(cut in 0_usize..1200) {
        let part = PLAIN.get(..cut.min(PLAIN.len())).unwrap_or_default();
        prop_assert!(parse(part).map_or(true, |stat| !stat.all_offline("server2")));
    }
}
