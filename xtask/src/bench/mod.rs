//! `cargo xtask bench`: runs the benchmarks of `benches/` beside their twins in C, and says how the
//! two compare.
//!
//! Instructions are the figure where one thread does the work: callgrind counts those of the
//! functions that stand for drivers, the same on any machine and any day. Times are of runs that
//! take turns, C and Rust. The frontends and backends have rows of their own, with a maximum count
//! of instructions.

mod build;
mod callgrind;
mod drivers;
mod measure;
mod plot;
mod profile;
mod report;
mod rows;
mod stats;
mod xen;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::testbed::{Arch, XenVersion};
use crate::{host, ui};
use callgrind::Valgrind;
use measure::{Row, Verdict};

/// Options of `bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the benchmarks whose names contain this
    filter: Option<String>,
    /// How many pairs of runs each time is taken from; 30 times as many between two threads, of
    /// short runs
    #[arg(long, default_value_t = 9)]
    pairs: usize,
    /// Takes no times: only the rows whose figure is instructions
    #[arg(long)]
    no_time: bool,
    /// Where the benchmarks run
    #[arg(long, value_enum, default_value_t = On::Host)]
    on: On,
    /// On this version of Xen (default: 4.17)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// On Xen: architecture; arm64 has the frontends
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    /// On Xen: a quarter of the operations, in minutes
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum On {
    /// On this machine, beside C
    Host,
    /// On real Xen in an emulator that counts instructions, beside a Linux guest
    Xen,
}

/// Returns 1 if a target is missed.
pub(crate) fn main(args: &Args) -> Result<i32> {
    if args.on == On::Xen {
        let xen = args.xen.unwrap_or(XenVersion::V4_17);
        let (filter, quick) = (args.filter.as_deref(), args.quick);
        let arch = args.arch.unwrap_or(Arch::X86_64);
        return xen::main(&xen::Options { filter, arch, xen, quick });
    }
    ensure!(
        args.xen.is_none() && args.arch.is_none() && !args.quick,
        "--xen, --arch and --quick need --on xen"
    );
    let is_chosen =
        |name: &str| args.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    let chosen: Vec<_> = rows::ROWS
        .iter()
        .filter(|row| is_chosen(row.name) && (row.counted() || !args.no_time))
        .collect();
    let drivers = drivers::CASES.iter().filter(|case| case.is_chosen(args.filter.as_deref()));
    let drivers: Vec<_> = drivers.collect();
    if chosen.is_empty() && drivers.is_empty() {
        let kind = if args.no_time { " of instructions" } else { "" };
        let names = rows::ROWS.iter().map(|row| row.name);
        let names: Vec<_> = names.chain(drivers::CASES.iter().map(|case| case.name)).collect();
        bail!("there is no such benchmark{kind}; there are {}", names.join(", "));
    }
    let valgrind = callgrind::find();
    if let Err(reason) = &valgrind {
        ui::line(format!("no instruction counts: {reason:#}"));
    }
    let wanted = drivers.len();
    let drivers = measure_drivers(&drivers, valgrind.as_ref().ok())?;
    // A row without a measurement is missed.
    let met = drivers.iter().filter(|row| row.is_met()).count();
    let missed = if chosen.is_empty() {
        write_json(&[], &drivers)?;
        false
    } else {
        compare(args, chosen, valgrind.as_ref().ok(), &drivers)?
    };
    Ok(i32::from(missed || met < wanted))
}

/// Measures the rows of the drivers, if instructions can be counted, and prints them.
fn measure_drivers(
    cases: &[&'static drivers::Case],
    valgrind: Option<&Valgrind>,
) -> Result<Vec<drivers::Row>> {
    let Some(valgrind) = valgrind.filter(|_| !cases.is_empty()) else { return Ok(Vec::new()) };
    let program = build::drivers()?;
    let mut rows = Vec::new();
    for case in cases {
        let spinner = ui::spinner(case.name);
        let row = drivers::Row::measure(case, &program, valgrind);
        spinner.finish_and_clear();
        rows.push(row?);
    }
    drivers::print(&rows);
    Ok(rows)
}

/// Compares the rows that have a half in C. Returns whether a target is missed.
fn compare(
    args: &Args,
    chosen: Vec<&'static rows::Case>,
    valgrind: Option<&Valgrind>,
    drivers: &[drivers::Row],
) -> Result<bool> {
    let programs = build::programs()?;
    let folder = folder()?;
    let mut rows = Vec::new();
    for case in chosen {
        let spinner = ui::spinner(case.name);
        let pairs = if args.no_time { 0 } else { args.pairs * case.more_pairs() };
        let row = Row::measure(case, &programs, valgrind, pairs);
        spinner.finish_and_clear();
        rows.push(row?);
    }
    report::print(&rows);
    let json = write_json(&rows, drivers)?;
    let svg = folder.join("bench.svg");
    fs::write(&svg, plot::svg(&rows)?).with_context(|| format!("writing {}", svg.display()))?;
    ui::line(format!("{}, {}", json.display(), svg.display()));
    let missed: Vec<_> = rows.iter().filter(|row| row.verdict() == Verdict::Missed).collect();
    let even = rows.iter().filter(|row| row.verdict() == Verdict::Even).count();
    if let Some(valgrind) = valgrind {
        for row in missed.iter().filter(|row| row.case.counted()) {
            let profiles = callgrind::profiles(valgrind, &programs, row.case, &folder)?;
            ui::line(format!(
                "{}: where the instructions are: {}",
                row.case.name,
                profiles.join(", ")
            ));
        }
    }
    for row in &missed {
        if let Some(most) = row.most_speed {
            ui::line(format!(
                "{}: the server's own work limits any client to {:.2} times the speed of the \
                 C client",
                row.case.name, most.value
            ));
        }
    }
    if !args.no_time && !*measure::MAY_GO_FIRST && rows.iter().any(|row| row.case.between_threads())
    {
        ui::line(
            "rows between threads: `chrt -f 20` failed, so other work on this machine affects the \
             times",
        );
    }
    ui::line(format!(
        "{} met, {even} even, {} missed",
        rows.len() - even - missed.len(),
        missed.len()
    ));
    Ok(!missed.is_empty())
}

/// Writes all rows; returns the file.
fn write_json(rows: &[Row], drivers: &[drivers::Row]) -> Result<PathBuf> {
    let json = folder()?.join("bench.json");
    fs::write(&json, report::json(rows, drivers)?)
        .with_context(|| format!("writing {}", json.display()))?;
    Ok(json)
}

/// Returns the folder of the results.
fn folder() -> Result<PathBuf> {
    let folder = host::target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}
