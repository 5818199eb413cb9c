//! The tables of `clpstat` and `clpmdstat`, in the world's manner.

use super::cluster::Color;
use super::manner::{Blanks, Columns, CopyDetails, GrayStatus, MdstatCode, OtherMonitors};
use super::prints::section;
use super::{NAMES, World};
use mirrorsnap_domain::reply::Section;
use std::fmt::Write;

const OFFLINE: &str = "Offline";

impl World {
    pub(super) fn clpstat(&self, at: usize) -> String {
        let server = |side: usize| {
            if self.guests[side].is_online() {
                "Online"
            } else {
                OFFLINE
            }
        };
        let groups = self.cluster.groups.iter().map(|(name, group)| {
            let state = match (group.moving, group.on) {
                (Some((Some(_), _)), _) => "Online Pending",
                (Some((None, _)), _) => "Offline Pending",
                (None, Some(_)) => "Online",
                (None, None) => OFFLINE,
            };
            (name.as_str(), state, group.on.filter(|_| group.moving.is_none()))
        });
        self.table(at, [server(0), server(1)], groups, "Normal")
    }

    /// What X 6.0 prints on a node whose daemon is stopped.
    pub(super) fn stopped_table(&self, at: usize) -> String {
        let groups = self
            .cluster
            .groups
            .iter()
            .map(|(name, _)| (name.as_str(), OFFLINE, None));
        self.table(at, [OFFLINE; 2], groups, OFFLINE)
    }

    fn table<'a>(
        &self,
        at: usize,
        servers: [&str; 2],
        groups: impl Iterator<Item = (&'a str, &'static str, Option<usize>)>,
        monitors: &str,
    ) -> String {
        let (comments, names) = (self.manner.comments, self.manner.names);
        let mut text = "  Cluster : cluster\n  <server>\n".to_owned();
        for (side, state) in servers.into_iter().enumerate() {
            let star = if side == at { '*' } else { ' ' };
            writeln!(
                text,
                "   {star}{} ........: {}",
                NAMES[side],
                comments.with(state, "サーバ")
            )
            .unwrap();
        }
        text.push_str("  <group>\n");
        for (name, state, on) in groups {
            let words = comments.with(state, "<受注> フェイルオーバグループ");
            let current = on.map_or(self.manner.current.word(), |on| NAMES[on]);
            writeln!(text, "    {name} ......: {words}\n      current       : {current}").unwrap();
            for disk in &self.config.mirror_disks {
                writeln!(text, "      {}           : {state}", names.shown(&disk.name)).unwrap();
            }
        }
        text.push_str("  <monitor>\n");
        for monitor in self.every_monitor() {
            let words = comments.with(monitors, "業務アプリケーションの監視リソース");
            writeln!(text, "    {} ......: {words}", names.shown(&monitor)).unwrap();
        }
        text
    }

    fn every_monitor(&self) -> Vec<String> {
        let others = match self.manner.others {
            OtherMonitors::Absent => 0,
            OtherMonitors::Sixty => 60,
        };
        // Their names begin with the number, so that none is cut to another one's.
        let others = (0..others).map(|number| format!("genw{number:02}-of-the-application"));
        let ours = self.config.mirror_disks.iter().map(|disk| disk.monitor.clone());
        ours.chain(others).collect()
    }

    /// `clpstat -m`.
    pub(super) fn monitors(&self) -> String {
        let mut text = "  Cluster : cluster\n".to_owned();
        for (number, monitor) in self.every_monitor().iter().enumerate() {
            writeln!(
                text,
                "  Monitor{number} [{} : Normal]",
                self.manner.names.shown(monitor)
            )
            .unwrap();
            for guest in &self.guests {
                let state = match (guest.is_online(), guest.suspended.contains(monitor)) {
                    (false, _) => OFFLINE,
                    (true, true) => "Suspend",
                    (true, false) => "Online",
                };
                writeln!(text, "    {} [o|o] : {state}", guest.name).unwrap();
            }
        }
        text
    }

    pub(super) fn clpmdstat(&self, at: usize, disk: usize) -> Section {
        let colors = [self.color(0, disk), self.color(1, disk)];
        let status = match (colors, self.manner.gray) {
            ([Color::Green, Color::Green], _) => "Normal",
            ([Color::Yellow, _] | [_, Color::Yellow], _) => "Recovering",
            ([Color::Gray, _] | [_, Color::Gray], GrayStatus::Uncertain) => "Uncertain",
            _ => "Abnormal",
        };
        let order = match self.manner.columns {
            Columns::AsConfigured => [0, 1],
            Columns::OwnFirst => [at, 1 - at],
        };
        let blanks = match self.manner.blanks {
            Blanks::One => " ",
            Blanks::Several => "        ",
        };
        let rc = match self.manner.mdstat {
            MdstatCode::Zero => 0,
            MdstatCode::Coded => order.into_iter().fold(0, |rc, side| 16 * rc + colors[side].code()),
        };
        let copy = match (self.manner.copy, self.cluster.copying) {
            (CopyDetails::Shown, Some((from, _))) => format!(
                "\nRecovery Status Value\n-----\nStatus: Recovering\nDirection: {} --> {}\nPercent: 40%\n",
                NAMES[from],
                NAMES[1 - from]
            ),
            _ => String::new(),
        };
        let name = &self.config.mirror_disks[disk].name;
        let names = order.map(|side| NAMES[side]).join(blanks);
        let words = order.map(|side| colors[side].word()).join(blanks);
        section(
            rc,
            format!("Mirror Status: {status}\n{name}{blanks}{names}\n-----\nMirror Color{blanks}{words}\n{copy}"),
        )
    }
}
