//! The tables of the backends: a Linux guest's disk on our driver domain, beside the same guest on
//! a Linux driver domain; and the network of two guests on either.

use serde_json::{Map, Value, json};

use super::Table;
use super::cases::{BACK_TARGET, Case, Guest, PAIR_TARGET, ratio};
use super::figures::{Figure, Figures};
use super::plot::Bar;
use super::report::{figure_json, verdict};
use crate::testbed::XenVersion;
use crate::ui;

/// A comparison of backends.
#[derive(Debug, PartialEq)]
pub(super) struct Kind {
    title: &'static str,
    /// Name in the file of all figures.
    key: &'static str,
    /// Unit of the picture's bars.
    unit: &'static str,
    target: f64,
    ours: Guest,
    linux: Guest,
    /// The other guest is compared too.
    has_peer: bool,
}

pub(super) const DISK: Kind = Kind {
    title: "disk of a Linux guest",
    key: "backends",
    unit: "of Linux's backend",
    target: BACK_TARGET,
    ours: Guest::OnOurs,
    linux: Guest::OnLinux,
    has_peer: false,
};

pub(super) const PAIR: Kind = Kind {
    title: "network of two guests",
    key: "pairs",
    unit: "of Linux's guests and backend",
    target: PAIR_TARGET,
    ours: Guest::PairOfOurs,
    linux: Guest::PairOfLinux,
    has_peer: true,
};

/// Figures of both guests.
pub(super) struct Backends<'a> {
    pub(super) xen: XenVersion,
    pub(super) kind: &'static Kind,
    pub(super) cases: &'a [&'static Case],
    pub(super) ours: Figures,
    pub(super) linux: Figures,
}

impl Backends<'_> {
    /// Returns each case with its figures, on our backend and on Linux's.
    fn rows(&self) -> impl Iterator<Item = (&'static Case, &Figure, &Figure)> {
        let figures = self.ours.cases.iter().zip(&self.linux.cases);
        self.cases.iter().zip(figures).map(|(&case, (ours, linux))| (case, ours, linux))
    }
}

impl Kind {
    /// Returns the most that the ratio can be. A backend for Linux guests then costs nothing,
    /// neither itself nor in Xen; two guests and their backend cost nothing but the work of
    /// Xen.
    fn bound(&self, ours: &Figure, linux: &Figure) -> f64 {
        if self.has_peer {
            linux.each(|_| linux.total()) / ours.each(|_| ours.xen())
        } else {
            let counts = &linux.counts;
            let backend = counts.driver_domain + counts.xen_for_driver_domain;
            linux.total() as f64 / (linux.total() - backend) as f64
        }
    }
}

impl Table for Backends<'_> {
    fn print(&self) {
        ui::line(ui::dim(&format!(
            "{:<21} {:<33} {:>9} {:>6} {:>16} {:>6}  {:<6} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} \
             {:>9} {:>9}",
            format!("Xen {}", self.xen),
            self.kind.title,
            "ops/s",
            "MB/s",
            "x Linux (target)",
            "bound",
            "",
            "guest",
            "Xen",
            "backend",
            "Xen",
            "exits",
            "exits",
            if self.kind.has_peer { "peer" } else { "" },
            if self.kind.has_peer { "Xen" } else { "" },
        )));
        ui::line(ui::dim(&format!("{:>148}", "instructions and exits for each operation")));
        for (case, ours, linux) in self.rows() {
            let found = ratio(ours, linux);
            let ratios = format!(
                "{:>16} {:>6.2}  {}",
                format!("{found:.2} ({})", self.kind.target),
                self.kind.bound(ours, linux),
                verdict(found >= self.kind.target)
            );
            ui::line(self.line(case, self.kind.ours, ours, &ratios));
            ui::line(self.line(case, self.kind.linux, linux, &" ".repeat(31)));
        }
    }

    fn json(&self) -> Map<String, Value> {
        let rows = self.rows().map(|(case, ours, linux)| {
            json!({
                "name": case.name,
                "what": case.what,
                "ours": figure_json(ours),
                "linux": figure_json(linux),
                "ratio": ratio(ours, linux),
                "bound": self.kind.bound(ours, linux),
                "target": self.kind.target,
                "met": ratio(ours, linux) >= self.kind.target,
            })
        });
        Map::from_iter([(self.kind.key.to_owned(), rows.collect())])
    }

    fn verdicts(&self) -> (usize, usize) {
        let is_met = |ours, linux| ratio(ours, linux) >= self.kind.target;
        let met = self.rows().filter(|(_, ours, linux)| is_met(ours, linux)).count();
        (met, self.cases.len() - met)
    }

    fn bars(&self) -> Vec<Bar> {
        let bars = self.rows().map(|(case, ours, linux)| Bar {
            name: case.name.to_owned(),
            unit: self.kind.unit,
            ratio: ratio(ours, linux),
            target: Some(self.kind.target),
        });
        bars.collect()
    }
}

impl Backends<'_> {
    fn line(&self, case: &Case, guest: Guest, figure: &Figure, ratios: &str) -> String {
        let rate = figure.per_second();
        let mut line = format!(
            "{:<21} {:<33} {rate:>9.0} {:>6.0} {ratios} {:>9.0} {:>9.0} {:>9.0} {:>9.0} \
             {:>7.2} {:>7.2}",
            case.name,
            guest.title(),
            rate * case.bytes() as f64 / 1e6,
            figure.each(|counts| counts.guest),
            figure.each(|counts| counts.xen_for_guest),
            figure.each(|counts| counts.driver_domain),
            figure.each(|counts| counts.xen_for_driver_domain),
            figure.each(|counts| counts.exits),
            figure.each(|counts| counts.driver_domain_exits),
        );
        if self.kind.has_peer {
            let (peer, xen) =
                (figure.each(|counts| counts.peer), figure.each(|counts| counts.xen_for_peer));
            line += &format!(" {peer:>9.0} {xen:>9.0}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::xen::figures::Counts;

    fn figures(ns: u64, driver_domain: u64) -> Figures {
        let counts = Counts { guest: 100, driver_domain, ..Counts::default() };
        let figure = Figure { count: 10, ns, counts };
        Figures { first_read: figure, cases: vec![figure] }
    }

    #[test]
    fn ratio_has_target_and_bound() {
        const CASES: [&Case; 1] = [&crate::bench::xen::cases::BACK_CASES[0]];
        let (ours, linux) = (figures(1_000, 10), figures(1_600, 60));
        let table = Backends { xen: XenVersion::V4_17, kind: &DISK, cases: &CASES, ours, linux };
        assert_eq!(table.verdicts(), (1, 0));
        let json = table.json();
        let row = &json["backends"][0];
        assert_eq!((&row["ratio"], &row["bound"]), (&1.6.into(), &1.6.into()));
        let slow = Backends { ours: figures(1_100, 10), ..table };
        assert_eq!(slow.verdicts(), (0, 1));
        // Of the peer's and the backend's work only Xen's is left.
        let mut ours = figures(1_000, 10);
        ours.cases[0].counts.xen_for_peer = 40;
        let pair = Backends { kind: &PAIR, ours, ..slow };
        assert_eq!(pair.json()["pairs"][0]["bound"], 4.0);
    }
}
