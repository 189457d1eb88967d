//! Which test reaches which mutant. Each test is run once by itself without a mutant and records
//! the places that it runs; a mutant in a place that a test does not run cannot make it fail.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::build::Test;
use super::lock;
use super::run::{End, Job, Runner};

/// Tests that a mutant is tried with one by one, before the rest of each binary in one process.
const SINGLE: usize = 6;

/// One test function.
pub(super) struct Case {
    /// The index of its binary.
    test: usize,
    name: String,
    time: Duration,
    /// A byte for each mutant.
    reached: Vec<u8>,
}

/// All test functions that have mutants in them.
pub(super) struct Reach {
    tests: Vec<Test>,
    cases: Vec<Case>,
    budget: Option<Duration>,
}

impl Reach {
    /// Runs each test function of `tests`, which must pass, `jobs` at the same time. Each mutant is
    /// tried with tests that together take `budget` at most, and with models that do.
    pub(super) fn record(
        runner: &Runner,
        tests: Vec<Test>,
        jobs: usize,
        budget: Option<Duration>,
    ) -> Result<Self> {
        let mut open = Vec::new();
        for (index, test) in tests.iter().enumerate() {
            if runner.has_mutants(test)? {
                open.extend(runner.names(test)?.into_iter().map(|name| (index, name)));
            }
        }
        let (next, cases, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(None));
        thread::scope(|scope| {
            for lane in 0..jobs {
                let (next, cases, failed, open, tests) = (&next, &cases, &failed, &open, &tests);
                scope.spawn(move || {
                    while let Some((index, name)) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match case(runner, &tests[*index], *index, name, lane) {
                            Ok(case) => lock(cases).push(case),
                            Err(error) => *lock(failed) = Some(error),
                        }
                    }
                });
            }
        });
        if let Some(error) = failed.into_inner().ok().flatten() {
            return Err(error);
        }
        let mut cases = cases.into_inner().unwrap_or_default();
        cases.sort_by_key(|case| (tests[case.test].model, case.time));
        Ok(Self { tests, cases, budget })
    }

    pub(super) fn len(&self) -> usize {
        self.cases.len()
    }

    /// Tries a mutant with the tests that reach it, the fastest first; returns the first that
    /// fails.
    pub(super) fn try_mutant(
        &self,
        runner: &Runner,
        number: usize,
        lane: usize,
    ) -> Result<Option<String>> {
        let mut reaching = self.reaching(number);
        let mut groups: Vec<Vec<&Case>> =
            reaching.by_ref().take(SINGLE).map(|case| vec![case]).collect();
        let mut rest: Vec<Vec<&Case>> = self.tests.iter().map(|_| Vec::new()).collect();
        reaching.for_each(|case| rest[case.test].push(case));
        rest.retain(|group| !group.is_empty());
        rest.sort_by_key(|group| (self.tests[group[0].test].model, time(group)));
        groups.extend(rest);
        for group in groups {
            let test = &self.tests[group[0].test];
            let names: Vec<_> = group.iter().map(|case| case.name.as_str()).collect();
            let job = Job {
                names: &names,
                needed: Some(time(&group)),
                mutant: Some(number),
                lane,
                reached: None,
            };
            if let End::Failed(how) = runner.run(test, &job)? {
                return Ok(Some(format!("{} ({how})", test.command)));
            }
        }
        Ok(None)
    }

    /// Returns the tests that reach a mutant, the fastest first, and then such models, as far as
    /// the budget goes. The models have their own, since no test notices an ordering.
    fn reaching(&self, number: usize) -> impl Iterator<Item = &Case> {
        let mut spent = [Duration::ZERO; 2];
        let reaching = self.cases.iter().filter(move |case| case.reached.get(number) == Some(&1));
        reaching.filter(move |case| {
            let spent = &mut spent[usize::from(self.tests[case.test].model)];
            *spent += case.time;
            self.budget.is_none_or(|budget| *spent <= budget)
        })
    }
}

fn time(group: &[&Case]) -> Duration {
    group.iter().map(|case| case.time).sum()
}

fn case(runner: &Runner, test: &Test, index: usize, name: &str, lane: usize) -> Result<Case> {
    let folder = runner.folder(lane)?;
    let started = Instant::now();
    let job = Job { names: &[name], needed: None, mutant: None, lane, reached: Some(&folder) };
    if let End::Failed(how) = runner.run(test, &job)? {
        let log = runner.log(lane);
        bail!(
            "{} {name} fails without a mutant: {how}; its output is in {}",
            test.command,
            log.display()
        );
    }
    Ok(Case {
        test: index,
        name: name.to_owned(),
        time: started.elapsed(),
        reached: reached(&folder)?,
    })
}

/// Returns what the processes that wrote to a folder have reached.
pub(super) fn reached(folder: &Path) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for file in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let bytes = fs::read(file?.path())?;
        all.resize(all.len().max(bytes.len()), 0);
        all.iter_mut().zip(bytes).for_each(|(all, byte)| *all |= byte);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn budget_leaves_out_slow_tests() {
        let test = |model| Test {
            package: "p".to_owned(),
            command: "c".to_owned(),
            program: PathBuf::new(),
            folder: PathBuf::new(),
            model,
        };
        let case = |test, seconds, reached| Case {
            test,
            name: format!("{test}.{seconds}"),
            time: Duration::from_secs(seconds),
            reached: vec![0, reached],
        };
        let cases = vec![
            case(0, 1, 1),
            case(0, 2, 0),
            case(0, 3, 1),
            case(0, 7, 1),
            case(1, 4, 1),
            case(1, 5, 1),
        ];
        let mut reach = Reach { tests: vec![test(false), test(true)], cases, budget: None };
        let names = |reach: &Reach, number| {
            reach.reaching(number).map(|case| case.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&reach, 1), ["0.1", "0.3", "0.7", "1.4", "1.5"]);
        reach.budget = Some(Duration::from_secs(8));
        assert_eq!(names(&reach, 1), ["0.1", "0.3", "1.4"]);
        assert_eq!((names(&reach, 0), names(&reach, 2)), (vec![], vec![]));
    }
}
