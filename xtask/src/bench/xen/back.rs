//! The table of the block backends: a Linux guest on our driver domain, beside the same guest on a
//! Linux driver domain.

use serde_json::{Map, Value, json};

use super::Table;
use super::cases::{BACK_TARGET, Case, Guest, ratio};
use super::figures::{Figure, Figures};
use super::plot::Bar;
use super::report::{figure_json, verdict};
use crate::testbed::XenVersion;
use crate::ui;

/// Figures of both guests.
pub(super) struct Backends<'a> {
    pub(super) xen: XenVersion,
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

/// Returns the most that the ratio can be: with a backend that costs nothing, neither to itself
/// nor to Xen.
fn bound(linux: &Figure) -> f64 {
    let counts = &linux.counts;
    let rest = counts.guest + counts.xen_for_guest + counts.dom0 + counts.xen_for_dom0;
    (rest + backend(linux)) as f64 / rest as f64
}

/// Returns the instructions of the driver domain, and of Xen for it.
fn backend(figure: &Figure) -> u64 {
    figure.counts.driver_domain + figure.counts.xen_for_driver_domain
}

impl Table for Backends<'_> {
    fn print(&self) {
        ui::line(ui::dim(&format!(
            "{:<21} {:<23} {:>9} {:>6} {:>16} {:>6}  {:<6} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7}",
            format!("Xen {}", self.xen),
            "disk of a Linux guest",
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
        )));
        ui::line(ui::dim(&format!("{:>138}", "instructions and exits for each operation")));
        for (case, ours, linux) in self.rows() {
            let found = ratio(ours, linux);
            let ratios = format!(
                "{:>16} {:>6.2}  {}",
                format!("{found:.2} ({BACK_TARGET})"),
                bound(linux),
                verdict(found >= BACK_TARGET)
            );
            ui::line(line(case, Guest::OnOurs, ours, &ratios));
            ui::line(line(case, Guest::OnLinux, linux, &" ".repeat(31)));
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
                "bound": bound(linux),
                "target": BACK_TARGET,
                "met": ratio(ours, linux) >= BACK_TARGET,
            })
        });
        Map::from_iter([("backends".to_owned(), rows.collect())])
    }

    fn verdicts(&self) -> (usize, usize) {
        let met = self.rows().filter(|(_, ours, linux)| ratio(ours, linux) >= BACK_TARGET).count();
        (met, self.cases.len() - met)
    }

    fn bars(&self) -> Vec<Bar> {
        let bars = self.rows().map(|(case, ours, linux)| Bar {
            name: case.name.to_owned(),
            unit: "of Linux's backend",
            ratio: ratio(ours, linux),
            target: BACK_TARGET,
        });
        bars.collect()
    }
}

fn line(case: &Case, guest: Guest, figure: &Figure, ratios: &str) -> String {
    let rate = figure.per_second();
    format!(
        "{:<21} {:<23} {rate:>9.0} {:>6.0} {ratios} {:>9.0} {:>9.0} {:>9.0} {:>9.0} \
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
    )
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
        let table = Backends { xen: XenVersion::V4_17, cases: &CASES, ours, linux };
        assert_eq!(table.verdicts(), (1, 0));
        let json = table.json();
        let row = &json["backends"][0];
        assert_eq!((&row["ratio"], &row["bound"]), (&1.6.into(), &1.6.into()));
        let slow = Backends { ours: figures(1_100, 10), ..table };
        assert_eq!(slow.verdicts(), (0, 1));
    }
}
