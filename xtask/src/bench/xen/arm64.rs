//! The table of arm64: our frontends beside a Linux guest's.

use serde_json::{Map, Value};

use super::Table;
use super::cases::{self, Case, FIRST_READ, Guest, Variant};
use super::figures::{Figure, Figures};
use super::plot::Bar;
use super::report::{bound, case_json, figure_json, ours_json};
use crate::testbed::XenVersion;
use crate::ui;

/// Figures of both guests.
pub(super) struct Arm64<'a> {
    pub(super) xen: XenVersion,
    pub(super) cases: &'a [&'static Case],
    pub(super) ours: Figures,
    pub(super) linux: Figures,
}

/// Our kernel in one case and variant, beside Linux.
struct Row<'a> {
    case: &'static Case,
    variant: Variant,
    ours: &'a Figure,
    linux: &'a Figure,
}

impl Row<'_> {
    /// Returns our speed as a multiple of Linux's.
    fn speed(&self) -> f64 {
        cases::ratio(self.ours, self.linux)
    }

    /// Returns Linux's instructions for each operation as a multiple of ours.
    fn instructions(&self) -> f64 {
        self.linux.each(|counts| counts.guest) / self.ours.each(|counts| counts.guest)
    }

    /// Returns the most that the speed can be: that of a guest whose own instructions cost nothing.
    fn bound(&self) -> f64 {
        bound(self.ours, self.linux)
    }
}

impl Arm64<'_> {
    /// Returns our rows, in the order of the cases.
    fn rows(&self) -> Vec<Row<'_>> {
        let ours = cases::measurements(self.cases).into_iter().zip(&self.ours.cases);
        let mut rows: Vec<_> = ours
            .map(|((index, variant), ours)| {
                let linux = &self.linux.cases[index];
                (index, Row { case: self.cases[index], variant, ours, linux })
            })
            .collect();
        rows.sort_by_key(|(index, _)| *index);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl Table for Arm64<'_> {
    fn print(&self) {
        ui::line(ui::dim(&format!(
            "{:<21} {:<23} {:>9} {:>6} {:>8} {:>12} {:>6} {:>9} {:>9} {:>9} {:>7}",
            format!("Xen {}, arm64", self.xen),
            "guest",
            "ops/s",
            "MB/s",
            "x Linux",
            "instructions",
            "bound",
            "guest",
            "Xen",
            "dom0",
            "exits",
        )));
        ui::line(ui::dim(&format!("{:>128}", "instructions for each operation")));
        let rows = self.rows();
        for (case, linux) in self.cases.iter().zip(&self.linux.cases) {
            for row in rows.iter().filter(|row| row.case.name == case.name) {
                let title = format!("ours, {}", row.variant.title());
                let (speed, instructions, bound) = (row.speed(), row.instructions(), row.bound());
                let ratios = format!("{speed:>8.2} {instructions:>12.2} {bound:>6.2}");
                ui::line(line(case.name, &title, case.bytes(), row.ours, &ratios));
            }
            ui::line(line(case.name, Guest::LinuxArm64.title(), case.bytes(), linux, ""));
        }
        for (guest, figures) in [(Guest::Ours, &self.ours), (Guest::LinuxArm64, &self.linux)] {
            let figure = &figures.first_read;
            let time = format!("{:.1} ms", figure.milliseconds());
            ui::line(line(FIRST_READ, guest.title(), 4096, figure, &time));
        }
    }

    fn json(&self) -> Map<String, Value> {
        let rows: Vec<Value> = self
            .rows()
            .iter()
            .map(|row| {
                let mut value = ours_json(row.case, row.variant, row.ours);
                value["ratio"] = row.speed().into();
                value["instructions_of_linux"] = row.instructions().into();
                value["bound"] = row.bound().into();
                value
            })
            .collect();
        let linux: Vec<Value> = self
            .cases
            .iter()
            .zip(&self.linux.cases)
            .map(|(case, figure)| case_json(case, Guest::LinuxArm64, figure))
            .collect();
        let first: Map<_, _> = [(Guest::Ours, &self.ours), (Guest::LinuxArm64, &self.linux)]
            .map(|(guest, figures)| {
                let mut value = figure_json(&figures.first_read);
                value["milliseconds"] = figures.first_read.milliseconds().into();
                (guest.name().to_owned(), value)
            })
            .into_iter()
            .collect();
        Map::from_iter([
            ("rows".to_owned(), rows.into()),
            ("linux".to_owned(), linux.into()),
            ("first_read".to_owned(), first.into()),
        ])
    }

    /// Returns none: arm64 has no targets.
    fn verdicts(&self) -> (usize, usize) {
        (0, 0)
    }

    fn bars(&self) -> Vec<Bar> {
        let bars = self.rows().into_iter().flat_map(|row| {
            let name = format!("{}, {}", row.case.name, row.variant.title());
            let bar = |name, unit, ratio| Bar { name, unit, ratio, target: None };
            [
                bar(name, "of Linux", row.speed()),
                bar(String::new(), "of Linux's instructions in the guest", row.instructions()),
            ]
        });
        bars.collect()
    }
}

fn line(name: &str, guest: &str, bytes: u64, figure: &Figure, ratios: &str) -> String {
    let rate = figure.per_second();
    format!(
        "{name:<21} {guest:<23} {rate:>9.0} {:>6.0} {ratios:>28} {:>9.0} {:>9.0} {:>9.0} {:>7.2}",
        rate * bytes as f64 / 1e6,
        figure.each(|counts| counts.guest),
        figure.each(|counts| counts.xen_for_guest),
        figure.each(|counts| counts.dom0 + counts.xen_for_dom0),
        figure.each(|counts| counts.exits),
    )
}

#[cfg(test)]
mod tests {
    use super::super::figures::Counts;
    use super::*;

    fn figures(ns: &[u64], guest: u64) -> Figures {
        let counts = Counts { guest, dom0: 30, exits: 1, ..Counts::default() };
        let figure = |ns| Figure { count: 10, ns, counts };
        let cases = ns.iter().map(|&ns| figure(ns)).collect();
        Figures { first_read: figure(24_000_000), cases }
    }

    #[test]
    fn ratios_are_of_speed_and_instructions() {
        const CASES: [&Case; 1] = [&cases::CASES[0]];
        let (ours, linux) = (figures(&[1_000, 2_000, 1_100], 10), figures(&[7_000], 40));
        let table = Arm64 { xen: XenVersion::V4_20, cases: &CASES, ours, linux };
        let rows = table.rows();
        assert_eq!((rows[0].speed(), rows[0].instructions()), (7.0, 4.0));
        assert_eq!((rows[1].speed(), rows[1].bound()), (3.5, 70.0 / 30.0));
        let value = table.json();
        assert_eq!(value["rows"][2]["instructions_of_linux"], 4.0);
        assert_eq!(value["first_read"]["linux"]["milliseconds"], 24.0);
        assert_eq!((table.bars().len(), table.verdicts()), (6, (0, 0)));
    }
}
