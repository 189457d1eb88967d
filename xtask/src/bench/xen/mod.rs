//! `cargo xtask bench --on xen`: our frontends on real Xen beside a Linux guest's, in an emulator
//! that counts instructions.
//!
//! Each guest has a boot of its own: the same Xen, the same dom0 with Linux's backends, one
//! processor. Time is virtual, 500 million instructions a second, so the figures do not depend on
//! the host. A plugin of the emulator attributes the instructions to Xen, dom0 and the guest.

mod boot;
mod cases;
mod figures;
mod plot;
mod report;

use std::sync::Mutex;
use std::{fs, thread};

use anyhow::{Context, Result, bail};

use crate::testbed::{self, XenVersion};
use crate::ui;
use boot::Programs;
use cases::{Case, Guest};
use figures::Figures;
use report::Report;

/// Options of `bench --on xen`.
pub(super) struct Options<'a> {
    pub(super) filter: Option<&'a str>,
    pub(super) xen: XenVersion,
    pub(super) quick: bool,
}

/// Returns 1 if a target is missed.
pub(super) fn main(options: &Options<'_>) -> Result<i32> {
    let cases = choose(options.filter)?;
    testbed::prepare(&[options.xen])?;
    let programs = Programs::get(options.xen)?;
    let [linux, native, ours] = boot_all(&programs, &cases, options.quick)?;
    let report = Report { xen: options.xen, cases: &cases, ours, linux, native };
    report.print();
    let folder = super::folder()?;
    let json = folder.join(format!("xen-{}.json", options.xen));
    fs::write(&json, report.json()?).with_context(|| format!("writing {}", json.display()))?;
    let svg = folder.join(format!("xen-{}.svg", options.xen));
    fs::write(&svg, plot::svg(&report)?).with_context(|| format!("writing {}", svg.display()))?;
    ui::line(format!("{}, {}", json.display(), svg.display()));
    let (met, missed) = report.verdicts();
    ui::line(format!("{met} met, {missed} missed"));
    Ok(i32::from(missed > 0))
}

/// Returns the cases of a filter. The first read is part of each boot, so it may be chosen alone.
fn choose(filter: Option<&str>) -> Result<Vec<&'static Case>> {
    let cases = cases::chosen(filter);
    let first = filter.is_some_and(|part| cases::FIRST_READ.contains(part));
    if cases.is_empty() && !first {
        let names = cases::CASES.iter().map(|case| case.name);
        let names: Vec<_> = names.chain([cases::FIRST_READ]).collect();
        bail!("there is no such benchmark on Xen; there are {}", names.join(", "));
    }
    Ok(cases)
}

/// Boots the guests of [`Guest::ALL`], as many at once as there are processors.
fn boot_all(programs: &Programs, cases: &[&Case], quick: bool) -> Result<[Figures; 3]> {
    let waiting = Mutex::new(Guest::ALL.iter().enumerate());
    let next = || waiting.lock().map_or(None, |mut waiting| waiting.next());
    let workers = thread::available_parallelism().map_or(1, usize::from).min(Guest::ALL.len());
    let mut results = [const { None }; Guest::ALL.len()];
    let done = Mutex::new(&mut results);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, &guest)) = next() {
                    let result = programs.run(guest, cases, quick);
                    if let Ok(mut done) = done.lock() {
                        done[index] = Some(result);
                    }
                }
            });
        }
    });
    let [linux, native, ours] = results.map(|result| result.context("a boot without a result")?);
    Ok([linux?, native?, ours?])
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
        assert!(choose(Some("first-read")).unwrap().is_empty());
        assert_eq!(choose(None).unwrap().len(), cases::CASES.len());
    }
}
