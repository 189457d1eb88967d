//! The rows of the drivers: the instructions of our crates for a request, a packet or a connection
//! through a frontend and a backend in the simulator. No half in C exists; the target is a count.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::callgrind::Valgrind;
use super::profile;
use crate::ui;

/// The program of these rows.
const PROGRAM: &str = "xen_driver_bench";

/// The crates whose instructions count: the libraries, and the program, into which the compiler
/// inlines parts of `core`. The simulator, `std` and libc do not count.
const CRATES: [&str; 9] = [
    "xen_front",
    "xen_back",
    "xen_grant",
    "xen_ring",
    "xenbus",
    "xen_evtchn",
    "xen_store",
    "xen_hypercall",
    PROGRAM,
];

/// One benchmark of `xen-driver-bench`.
#[derive(Debug)]
pub(super) struct Case {
    /// Name here and as the argument.
    pub(super) name: &'static str,
    what: &'static str,
    /// Rounds of the two runs, whose difference leaves out what comes before the rounds.
    rounds: [u64; 2],
    /// True for a case whose preparation takes many minutes: only its whole name chooses it.
    is_long: bool,
    /// Maximum number of instructions per unit.
    most: f64,
}

const fn case(name: &'static str, what: &'static str, most: f64) -> Case {
    Case { name, what, rounds: [20, 60], is_long: false, most }
}

const fn long(name: &'static str, what: &'static str, most: f64) -> Case {
    Case { is_long: true, ..case(name, what, most) }
}

const fn connection(name: &'static str, what: &'static str, most: f64) -> Case {
    Case { name, what, rounds: [2, 6], is_long: false, most }
}

pub(super) const CASES: [Case; 13] = [
    case("block/read/1", "read of 4 KiB", 5810.0),
    case("block/read/32", "read of 4 KiB, batch 32", 1809.0),
    case("block/of/1", "read of 4 KiB, by the event of a port", 5810.0),
    case("block/of/100", "read of 4 KiB, one of 100 disks", 5810.0),
    // At most 1.1 times what one of one disk takes.
    long("block/of/1000", "read of 4 KiB, one of 1,000 disks", 5266.0),
    connection("block/connect", "boot, connection, one read", 690_000.0),
    case("net/out/1", "packet of 1000 bytes from the guest", 3344.0),
    case("net/out/32", "packet from the guest, batch 32", 865.0),
    case("net/in/1", "packet of 1000 bytes to the guest", 2344.0),
    case("net/in/32", "packet to the guest, batch 32", 955.0),
    // A queue costs the same beside others.
    case("net/queues/1", "packet from one queue, batch 32", 865.0),
    case("net/queues/4", "packet from one of four queues, batch 32", 865.0),
    connection("net/connect", "boot, connection, one packet", 620_000.0),
];

/// Measurements of one benchmark.
#[derive(Debug)]
pub(super) struct Row {
    case: &'static Case,
    /// Instructions per unit of each of [`CRATES`].
    crates: [f64; CRATES.len()],
    /// Events that the guest sends, per unit.
    notifications: f64,
}

/// Sums of one run.
struct Run {
    crates: BTreeMap<String, u64>,
    units: f64,
    notifications: f64,
}

impl Run {
    fn new(valgrind: &Valgrind, program: &Path, case: &Case, rounds: u64) -> Result<Self> {
        let out = super::folder()?.join("callgrind.out");
        let text = valgrind.profile(program, &[case.name, &rounds.to_string()], &out)?;
        let get = |key: &str| {
            let words = text.split_whitespace().filter_map(|word| word.split_once('='));
            let value = words.filter(|word| word.0 == key).find_map(|word| word.1.parse().ok());
            value.with_context(|| format!("{} did not print {key}", case.name))
        };
        let profile =
            std::fs::read_to_string(&out).with_context(|| format!("reading {}", out.display()))?;
        Ok(Self {
            crates: profile::by_crate(&profile, PROGRAM),
            units: get("units")?,
            notifications: get("notifications")?,
        })
    }

    fn of_crate(&self, name: &str) -> f64 {
        self.crates.get(name).copied().unwrap_or(0) as f64
    }
}

impl Case {
    /// Returns whether a filter chooses it: a part of its name, if it is not long.
    pub(super) fn is_chosen(&self, filter: Option<&str>) -> bool {
        match filter {
            Some(part) if self.is_long => self.name == part,
            Some(part) => self.name.contains(part),
            None => !self.is_long,
        }
    }
}

impl Row {
    pub(super) fn measure(
        case: &'static Case,
        program: &Path,
        valgrind: &Valgrind,
    ) -> Result<Self> {
        let [few, many] = case.rounds;
        let few = Run::new(valgrind, program, case, few)?;
        let many = Run::new(valgrind, program, case, many)?;
        let units = many.units - few.units;
        Ok(Self {
            case,
            crates: CRATES.map(|name| (many.of_crate(name) - few.of_crate(name)) / units),
            notifications: (many.notifications - few.notifications) / units,
        })
    }

    fn instructions(&self) -> f64 {
        self.crates.iter().sum()
    }

    pub(super) fn is_met(&self) -> bool {
        (1.0..=self.case.most).contains(&self.instructions())
    }

    fn line(&self) -> String {
        let verdict = if self.is_met() { ui::green("met   ") } else { ui::red("missed") };
        let crates: String = self.crates.iter().map(|count| format!(" {count:>9.0}")).collect();
        format!(
            "{:<15} {:<36} {:>9.0}{crates} {:>7.2}  {verdict} <= {:.0}",
            self.case.name,
            self.case.what,
            self.instructions(),
            self.notifications,
            self.case.most
        )
    }

    pub(super) fn json(&self) -> Value {
        let crates: serde_json::Map<_, _> = CRATES
            .iter()
            .zip(self.crates)
            .map(|(name, count)| ((*name).into(), count.into()))
            .collect();
        json!({
            "name": self.case.name,
            "what": self.case.what,
            "instructions_per_unit": self.instructions(),
            "most": self.case.most,
            "crates": crates,
            "notifications_per_unit": self.notifications,
        })
    }
}

fn label(name: &str) -> &str {
    if name == PROGRAM { "program" } else { name.trim_start_matches("xen_") }
}

pub(super) fn print(rows: &[Row]) {
    let names: String = CRATES.iter().map(|name| format!(" {:>9}", label(name))).collect();
    let (driver, what) = ("driver", "what is done");
    let head = format!("{driver:<15} {what:<36} {:>9}{names}  events  target", "instr.");
    ui::line(ui::dim(&head));
    rows.iter().for_each(|row| ui::line(row.line()));
}
