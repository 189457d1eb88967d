//! Services of a guest kernel, beside Linux's: the cases, and their table.

use serde_json::{Map, Value, json};

use super::Table;
use super::cases::FIRST_READ;
use super::figures::{Figure, Figures};
use super::plot::Bar;
use super::report::{figure_json, verdict};
use crate::testbed::XenVersion;
use crate::ui;

/// Nanoseconds of an instruction.
const NS: f64 = 2.0;

/// Unit of a case's figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Instructions of the guest for each operation.
    Instructions,
    /// Microseconds from the first instruction after the halt to the handler.
    Latency,
    /// Operations in a second.
    PerSecond,
    /// Time of an operation.
    Milliseconds,
}

impl Unit {
    fn of(self, figure: &Figure) -> f64 {
        match self {
            Unit::Instructions => figure.each(|counts| counts.guest),
            Unit::Latency => figure.each(|counts| counts.until_handlers) * NS / 1e3,
            Unit::PerSecond => figure.per_second(),
            Unit::Milliseconds => figure.milliseconds(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Unit::Instructions => "instructions",
            Unit::Latency => "us",
            Unit::PerSecond => "pages/s",
            Unit::Milliseconds => "ms",
        }
    }
}

/// A service of a guest.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: &'static str,
    what: &'static str,
    /// Name for `benches/xen/guest.c` and for our kernel.
    kind: &'static str,
    count: u64,
    unit: Unit,
    /// Least multiple by which our kernel is better than Linux; none for a part of a case.
    target: Option<f64>,
}

impl Service {
    /// Returns whether `ours` meets the target, if there is one.
    fn is_met(&self, ours: &Figure, linux: &Figure) -> Option<bool> {
        self.target.map(|target| self.ratio(ours, linux) >= target)
    }

    /// Returns the multiple by which `ours` is better than `linux`.
    fn ratio(&self, ours: &Figure, linux: &Figure) -> f64 {
        let ratio = self.unit.of(ours) / self.unit.of(linux);
        if self.unit == Unit::PerSecond { ratio } else { ratio.recip() }
    }
}

/// In the order in which a guest does them.
pub(super) const SERVICES: [Service; 5] = [
    Service {
        name: "guest/clock",
        what: "read of the clock",
        kind: "clock",
        count: 200_000,
        unit: Unit::Instructions,
        target: Some(1.0),
    },
    Service {
        name: "guest/timer",
        what: "one-shot timer, from the end of the halt to its handler",
        kind: "timer",
        count: 400,
        unit: Unit::Latency,
        target: Some(2.0),
    },
    Service {
        name: "guest/balloon-down",
        what: "64 MiB returned to Xen",
        kind: "balloon-down",
        count: 64,
        unit: Unit::PerSecond,
        target: None,
    },
    Service {
        name: "guest/balloon-up",
        what: "64 MiB from Xen",
        kind: "balloon-up",
        count: 64,
        unit: Unit::PerSecond,
        target: None,
    },
    Service {
        name: "guest/resume",
        what: "end of the pause after a restore, to the first read and datagram",
        kind: "resume",
        count: 1,
        unit: Unit::Milliseconds,
        target: Some(4.0),
    },
];

/// Both ways of the balloon.
const BALLOON: Service = Service {
    name: "guest/balloon",
    what: "64 MiB returned to Xen, and 64 MiB from Xen",
    kind: "balloon",
    count: 128,
    unit: Unit::PerSecond,
    target: Some(4.0),
};

/// The first read, which each boot has.
const ENTRY: Service = Service {
    name: "guest/entry",
    what: "entry of the kernel to the first read",
    kind: FIRST_READ,
    count: 1,
    unit: Unit::Milliseconds,
    target: Some(50.0),
};

/// Returns the services that a filter chooses. A balloon goes down before it goes up.
pub(super) fn chosen(filter: Option<&str>) -> Vec<&'static Service> {
    let is_chosen = |name: &str| filter.is_none_or(|part| name.contains(part));
    let up = is_chosen(SERVICES[3].name);
    let services = SERVICES.iter().enumerate();
    let services = services.filter(|(index, service)| is_chosen(service.name) || *index == 2 && up);
    services.map(|(_, service)| service).collect()
}

/// Returns whether a filter chooses [`ENTRY`], alone or not.
pub(super) fn has_entry(filter: Option<&str>) -> bool {
    filter.is_none_or(|part| ENTRY.name.contains(part))
}

/// Returns the words `INDEX:KIND:COUNT` of the services.
pub(super) fn words(services: &[&Service]) -> Vec<String> {
    let words = services.iter().enumerate();
    words.map(|(index, Service { kind, count, .. })| format!("{index}:{kind}:{count}")).collect()
}

/// Returns our kernel's command line.
pub(super) fn command_line(services: &[&Service]) -> String {
    let cases = services.iter().map(|Service { kind, count, .. }| format!(" case={kind}:{count}"));
    "callback".to_owned() + &cases.collect::<String>()
}

/// Figures of both guests.
pub(super) struct Services<'a> {
    pub(super) xen: XenVersion,
    pub(super) services: &'a [&'static Service],
    pub(super) ours: Figures,
    pub(super) linux: Figures,
}

impl Services<'_> {
    /// Returns each service with the figures of both guests.
    fn rows(&self) -> Vec<(&'static Service, Figure, Figure)> {
        let figures = self.ours.cases.iter().zip(&self.linux.cases);
        let rows = self.services.iter().zip(figures);
        let mut rows: Vec<_> =
            rows.map(|(&service, (ours, linux))| (service, *ours, *linux)).collect();
        let up = rows.iter().position(|(service, ..)| service.name == SERVICES[3].name);
        if let Some(up) = up.filter(|up| *up > 0) {
            let ((_, ours, linux), (_, ours_up, linux_up)) = (rows[up - 1], rows[up]);
            rows.insert(up + 1, (&BALLOON, ours.with(&ours_up), linux.with(&linux_up)));
        }
        rows.push((&ENTRY, self.ours.first_read, self.linux.first_read));
        rows
    }
}

/// Returns the most that the ratio can be: for a guest whose own instructions cost nothing.
fn bound(ours: &Figure, linux: &Figure) -> f64 {
    let outside = |figure: &Figure| figure.total() - figure.counts.guest;
    let each = |sum: u64, figure: &Figure| sum as f64 / figure.count as f64;
    each(linux.total(), linux) / each(outside(ours), ours)
}

impl Table for Services<'_> {
    fn print(&self) {
        ui::line(ui::dim(&format!(
            "{:<21} {:<18} {:>12} {:<12} {:>16} {:>6}  {:<6} {:>12} {:>12} {:>12} {:>9}",
            format!("Xen {}", self.xen),
            "services of a guest",
            "",
            "",
            "x Linux (target)",
            "bound",
            "",
            "guest",
            "Xen",
            "dom0",
            "exits",
        )));
        ui::line(ui::dim(&format!("{:>137}", "instructions for each operation")));
        for (service, ours, linux) in &self.rows() {
            let target = service.target.map_or(String::new(), |target| format!(" ({target})"));
            let bound = match service.unit {
                Unit::PerSecond | Unit::Milliseconds => format!("{:.2}", bound(ours, linux)),
                Unit::Instructions | Unit::Latency => String::new(),
            };
            let ratios = format!(
                "{:>16} {bound:>6}  {}",
                format!("{:.2}{target}", service.ratio(ours, linux)),
                service.is_met(ours, linux).map_or(" ".repeat(6), verdict)
            );
            ui::line(line(service, "ours", ours, &ratios));
            ui::line(line(service, "Linux, native TSC", linux, &" ".repeat(31)));
        }
    }

    fn json(&self) -> Map<String, Value> {
        let rows = self.rows();
        let rows = rows.iter().map(|(service, ours, linux)| {
            json!({
                "name": service.name,
                "what": service.what,
                "unit": service.unit.name(),
                "ours": figure_json(ours),
                "linux": figure_json(linux),
                "found": {"ours": service.unit.of(ours), "linux": service.unit.of(linux)},
                "ratio": service.ratio(ours, linux),
                "bound": bound(ours, linux),
                "target": service.target,
                "met": service.is_met(ours, linux),
            })
        });
        Map::from_iter([("services".to_owned(), rows.collect())])
    }

    fn verdicts(&self) -> (usize, usize) {
        let rows = self.rows();
        let verdicts = rows.iter().filter_map(|(service, ours, linux)| service.is_met(ours, linux));
        let (met, missed): (Vec<_>, Vec<_>) = verdicts.partition(|is_met| *is_met);
        (met.len(), missed.len())
    }

    fn bars(&self) -> Vec<Bar> {
        let rows = self.rows();
        let bars = rows.iter().filter_map(|(service, ours, linux)| {
            Some(Bar {
                name: service.name.to_owned(),
                unit: "of Linux with a native TSC",
                ratio: service.ratio(ours, linux),
                target: Some(service.target?),
            })
        });
        bars.collect()
    }
}

fn line(service: &Service, guest: &str, figure: &Figure, ratios: &str) -> String {
    let found = service.unit.of(figure);
    format!(
        "{:<21} {guest:<18} {:>12} {:<12} {ratios} {:>12.0} {:>12.0} {:>12.0} {:>9.2}",
        service.name,
        format!("{found:.*}", if found < 1_000.0 { 1 } else { 0 }),
        service.unit.name(),
        figure.each(|counts| counts.guest),
        figure.each(|counts| counts.xen_for_guest),
        figure.each(|counts| counts.dom0 + counts.xen_for_dom0),
        figure.each(|counts| counts.exits),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::xen::figures::Counts;

    fn figures(ns: u64, guest: u64, until_handlers: u64) -> Figures {
        let counts = Counts { guest, until_handlers, dom0: 300, ..Counts::default() };
        let figure = Figure { count: 10, ns, counts };
        Figures { first_read: figure, cases: vec![figure; 5] }
    }

    #[test]
    fn ratio_is_of_the_unit() {
        let services = chosen(None);
        let (ours, linux) = (figures(1_000, 50, 400), figures(4_000, 100, 800));
        let table = Services { xen: XenVersion::V4_20, services: &services, ours, linux };
        let ratios: Vec<_> =
            table.rows().iter().map(|(service, ours, linux)| service.ratio(ours, linux)).collect();
        assert_eq!(ratios, [2.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0]);
        assert_eq!(table.verdicts(), (4, 1));
        let json = table.json();
        assert_eq!(json["services"][2]["bound"], 400.0 / 300.0);
        assert_eq!(json["services"][1]["found"]["ours"], 0.08);
        assert_eq!(json["services"][4]["ours"]["ns"], 2_000);
    }

    #[test]
    fn growth_needs_a_balloon() {
        let names = |filter| chosen(filter).iter().map(|service| service.kind).collect::<Vec<_>>();
        assert_eq!(names(Some("balloon-up")), ["balloon-down", "balloon-up"]);
        assert_eq!(names(Some("clock")), ["clock"]);
        assert!(names(Some("entry")).is_empty() && has_entry(Some("entry")));
        assert_eq!(command_line(&chosen(Some("clock"))), "callback case=clock:200000");
        assert_eq!(words(&chosen(Some("resume"))), ["0:resume:1"]);
    }
}
