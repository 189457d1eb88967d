//! `cargo xtask bench --on xen`: our frontends on real Xen beside a Linux guest's, in an emulator
//! that counts instructions.
//!
//! Each guest has a boot of its own: the same Xen, the same dom0 with Linux's backends, one
//! processor. Time is virtual, 500 million instructions a second, so the figures do not depend on
//! the host. A plugin of the emulator attributes the instructions to Xen, dom0 and the guest.

mod arm64;
mod back;
mod boot;
mod cases;
mod figures;
mod plot;
mod report;
mod services;

use std::sync::{Mutex, PoisonError};
use std::{fs, thread};

use anyhow::{Context, Result, bail};

use crate::testbed::{self, Arch, XenVersion};
use crate::ui;
use arm64::Arm64;
use back::Backends;
use boot::Programs;
use cases::{Case, Guest};
use figures::Figures;
use plot::Bar;
use report::Report;
use services::{Service, Services};

/// Options of `bench --on xen`.
pub(super) struct Options<'a> {
    pub(super) filter: Option<&'a str>,
    pub(super) arch: Arch,
    pub(super) xen: XenVersion,
    pub(super) quick: bool,
}

/// Returns 1 if a target is missed.
pub(super) fn main(options: &Options<'_>) -> Result<i32> {
    let chosen = choose(options.filter)?;
    if options.arch == Arch::Arm64 {
        return arm64(options, chosen.front);
    }
    testbed::prepare(options.arch, &[options.xen])?;
    let programs = Programs::get(options.arch, options.xen)?;
    let mut jobs = Vec::new();
    if let Some(services) = &chosen.services {
        jobs.extend([false, true].map(|is_ours| Job::Services { is_ours, services }));
    }
    if let Some(cases) = &chosen.front {
        jobs.extend(Guest::FRONT.map(|guest| Job::Devices { guest, cases }));
    }
    if !chosen.back.is_empty() {
        jobs.extend(Guest::BACK.map(|guest| Job::Devices { guest, cases: &chosen.back }));
    }
    if !chosen.pairs.is_empty() {
        jobs.extend(Guest::PAIRS.map(|guest| Job::Devices { guest, cases: &chosen.pairs }));
    }
    let mut figures = boot_all(&programs, &jobs, options.quick)?.into_iter();
    let mut next = || figures.next().context("a boot without figures");
    let mut tables: Vec<Box<dyn Table + '_>> = Vec::new();
    if let Some(services) = &chosen.services {
        let [linux, ours] = [next()?, next()?];
        tables.push(Box::new(Services { xen: options.xen, services, ours, linux }));
    }
    if let Some(cases) = &chosen.front {
        let [linux, native, ours] = [next()?, next()?, next()?];
        tables.push(Box::new(Report { xen: options.xen, cases, ours, linux, native }));
    }
    if !chosen.back.is_empty() {
        let [linux, ours] = [next()?, next()?];
        let (xen, cases) = (options.xen, &chosen.back);
        tables.push(Box::new(Backends { xen, kind: &back::DISK, cases, ours, linux }));
    }
    if !chosen.pairs.is_empty() {
        let [linux, ours] = [next()?, next()?];
        let (xen, cases) = (options.xen, &chosen.pairs);
        tables.push(Box::new(Backends { xen, kind: &back::PAIR, cases, ours, linux }));
    }
    show(&options.xen.to_string(), &tables)
}

/// Measures frontends on arm64.
fn arm64(options: &Options<'_>, cases: Option<Vec<&'static Case>>) -> Result<i32> {
    let cases = cases.context("arm64 has the benchmarks of frontends: block/ and net/")?;
    testbed::prepare(options.arch, &[options.xen])?;
    let programs = Programs::get(options.arch, options.xen)?;
    let jobs = Guest::ARM64.map(|guest| Job::Devices { guest, cases: &cases });
    let mut figures = boot_all(&programs, &jobs, options.quick)?.into_iter();
    let mut next = || figures.next().context("a boot without figures");
    let (linux, ours) = (next()?, next()?);
    let table = Arm64 { xen: options.xen, cases: &cases, ours, linux };
    show(&format!("{}-{}", options.xen, options.arch), &[Box::new(table)])
}

/// Work of one boot.
#[derive(Clone, Copy, Debug)]
enum Job<'a> {
    /// Cases of devices.
    Devices { guest: Guest, cases: &'a [&'static Case] },
    /// Services of our kernel, or of Linux.
    Services { is_ours: bool, services: &'a [&'static Service] },
}

/// Figures of guests that are compared with each other.
trait Table {
    /// Prints the figures.
    fn print(&self);
    /// Returns them as the members of an object.
    fn json(&self) -> serde_json::Map<String, serde_json::Value>;
    /// Returns how many targets are met, and how many are missed.
    fn verdicts(&self) -> (usize, usize);
    /// Returns the bars of the picture.
    fn bars(&self) -> Vec<Bar>;
}

/// Prints and writes the figures on `xen`, a version of Xen with an architecture other than x86.
fn show(xen: &str, tables: &[Box<dyn Table + '_>]) -> Result<i32> {
    let mut object = serde_json::Map::new();
    object.insert("xen".to_owned(), xen.into());
    let (mut met, mut missed, mut bars) = (0, 0, Vec::new());
    for table in tables {
        table.print();
        object.append(&mut table.json());
        let found = table.verdicts();
        (met, missed) = (met + found.0, missed + found.1);
        bars.append(&mut table.bars());
    }
    let folder = super::folder()?;
    let json = folder.join(format!("xen-{xen}.json"));
    let text = serde_json::to_string_pretty(&object)? + "\n";
    fs::write(&json, text).with_context(|| format!("writing {}", json.display()))?;
    let svg = folder.join(format!("xen-{xen}.svg"));
    fs::write(&svg, plot::svg(xen, &bars)?)
        .with_context(|| format!("writing {}", svg.display()))?;
    ui::line(format!("{}, {}", json.display(), svg.display()));
    if met + missed > 0 {
        ui::line(format!("{met} met, {missed} missed"));
    }
    Ok(i32::from(missed > 0))
}

/// The cases that a filter chooses.
#[derive(Debug)]
struct Chosen {
    /// Those of frontends. The first read is part of each boot, so there may be none beside it.
    front: Option<Vec<&'static Case>>,
    back: Vec<&'static Case>,
    pairs: Vec<&'static Case>,
    /// Services of a guest. The first read is part of each boot here too.
    services: Option<Vec<&'static Service>>,
}

fn choose(filter: Option<&str>) -> Result<Chosen> {
    let cases = cases::chosen(&cases::CASES, filter);
    let first = filter.is_none_or(|part| cases::FIRST_READ.contains(part));
    let front = (first || !cases.is_empty()).then_some(cases);
    let back = cases::chosen(&cases::BACK_CASES, filter);
    let pairs = cases::chosen(&cases::PAIR_CASES, filter);
    let services = services::chosen(filter);
    let services = (services::has_entry(filter) || !services.is_empty()).then_some(services);
    if front.is_none() && back.is_empty() && pairs.is_empty() && services.is_none() {
        let names = cases::CASES.iter().chain(&cases::BACK_CASES).chain(&cases::PAIR_CASES);
        let names = names.map(|case| case.name);
        let names = names.chain(services::SERVICES.iter().map(|service| service.name));
        let names: Vec<_> = names.chain([cases::FIRST_READ]).collect();
        bail!("there is no such benchmark on Xen; there are {}", names.join(", "));
    }
    Ok(Chosen { front, back, pairs, services })
}

/// Boots a guest for each job, as many at once as there are processors.
fn boot_all(programs: &Programs, jobs: &[Job<'_>], quick: bool) -> Result<Vec<Figures>> {
    let waiting = Mutex::new(jobs.iter().enumerate());
    let next = || waiting.lock().map_or(None, |mut waiting| waiting.next());
    let workers = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let done: Mutex<Vec<_>> = Mutex::new(jobs.iter().map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, job)) = next() {
                    let result = programs.run(job, quick);
                    if let Ok(mut done) = done.lock() {
                        done[index] = Some(result);
                    }
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.into_iter().map(|result| result.context("a boot without a result")?).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_case_is_an_error() {
        let error = choose(Some("block/trim")).unwrap_err().to_string();
        assert!(error.contains("block/randread-qd1") && error.contains("first-read"), "{error}");
    }

    #[test]
    fn first_read_is_chosen_alone() {
        let chosen = choose(Some("first-read")).unwrap();
        assert_eq!(chosen.front.map(|cases| cases.len()), Some(0));
        assert!(chosen.back.is_empty());
    }

    #[test]
    fn filter_chooses_tables() {
        let all = choose(None).unwrap();
        assert_eq!(all.front.map(|cases| cases.len()), Some(cases::CASES.len()));
        assert_eq!(all.back.len(), cases::BACK_CASES.len());
        assert_eq!(all.services.map(|cases| cases.len()), Some(services::SERVICES.len()));
        let back = choose(Some("back/")).unwrap();
        assert!(back.services.is_none());
        assert!(back.front.is_none() && back.back.len() == cases::BACK_CASES.len());
        assert!(choose(Some("block/read-128k")).unwrap().back.is_empty());
    }
}
