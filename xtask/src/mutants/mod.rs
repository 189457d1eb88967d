//! `cargo xtask mutants`: changes the crates between the hypercalls and the examples in one place
//! at a time, and shows which test notices. The changes are those of cargo-mutants, deleted
//! statements, and branches that are never taken.
//!
//! All mutants of a sample are compiled into one build, each beside what it replaces, and switched
//! on one at a time by a variable of the environment. What can't be compiled so, is built by
//! itself.

mod build;
mod list;
mod ordering;
mod reach;
mod results;
mod run;
mod source;
mod switch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::{host, ui};
use build::{Test, Tree};
use list::{List, Mutant, PACKAGES};
pub(crate) use ordering::{Args as OrderingArgs, copy_tree, main as ordering_main, models_of};
use reach::Reach;
use results::{Equivalents, Results, Verdict};
use run::{End, Job, Runner};

/// The share of mutants that tests must notice, in tenths of a percent.
const ENOUGH: usize = 970;
/// Crates with models; a mutant of another one is in none.
const MODELLED: [&str; 4] = ["xen-evtchn", "xen-grant", "xen-ring", "xen-store"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many mutants to draw
    #[arg(long, value_name = "N", default_value_t = 200)]
    sample: usize,
    /// The start of the draw: the same tree and seed draw the same mutants (default: the time)
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only mutants of files whose path contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Mutants at the same time (default: one for each processor)
    #[arg(long)]
    jobs: Option<usize>,
    /// Runs only the tests of the crate that a mutant is in
    #[arg(long)]
    own: bool,
    /// Leaves out mutants that compile only by themselves, each of which takes a build
    #[arg(long)]
    together: bool,
    /// For each mutant, leaves out the slowest tests and the slowest models, so that those left of
    /// either kind take no longer than this without it
    #[arg(long, value_name = "SECONDS")]
    budget: Option<u64>,
    /// The results of an older tree, whose noticed mutants are not tried again
    #[arg(long, value_name = "FILE")]
    after: Option<PathBuf>,
    /// Prints the drawn mutants, also those that do not compile, and tests none
    #[arg(long)]
    list: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let started = Instant::now();
    let seed = match args.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    let work = host::target().join("mutants");
    let tree = Tree::copy(work.join("switched"), work.join("target"))?;
    let list = List::read(&tree.root)?;
    let drawn = draw(&list.mutants, &args.only, seed);
    ui::line(format!("{} mutants of {} files, seed {seed}", drawn.len(), list.sources.len()));
    if args.list {
        drawn.iter().take(args.sample).for_each(|mutant| ui::line(mutant.describe()));
        return Ok(0);
    }
    let equivalents = Equivalents::read()?;
    let path = work.join(format!("sample-{}-seed-{seed}.json", args.sample));
    let mut results = Results::resume(path, &list)?;
    if let Some(file) = &args.after {
        results.noticed_before(file, &list)?;
    }
    let results = Mutex::new(results);
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => thread::available_parallelism()?.get(),
    };
    let sample = sample(&tree, &list, &drawn, args, &results)?;
    let (own, shown) = (args.own, AtomicUsize::new(0));
    let budget = args.budget.map(Duration::from_secs);
    let run =
        Run { tree, list: &list, sample, results, equivalents, jobs, own, budget, shown, started };
    run.together()?;
    run.alone()?;
    run.examples()?;
    lock(&run.results).write()?;
    run.summary()
}

/// Puts mutants into an order that depends on the seed and their names only, so that a change
/// elsewhere changes no sample.
fn draw<'a>(mutants: &'a [Mutant], only: &str, seed: u64) -> Vec<&'a Mutant> {
    let mut drawn: Vec<_> = mutants.iter().filter(|mutant| mutant.file.contains(only)).collect();
    drawn.sort_by_cached_key(|mutant| rank(seed, &mutant.key()));
    drawn
}

/// Returns FNV-1a of the seed and the name, with the finish of SplitMix64.
fn rank(seed: u64, key: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for byte in seed.to_le_bytes().iter().chain(key.as_bytes()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Mutant that compiles.
struct Drawn<'a> {
    number: usize,
    mutant: &'a Mutant,
    /// `true` if it compiles only alone.
    alone: bool,
}

/// Takes the first mutants that compile; their numbers are their places in the draw.
fn sample<'a>(
    tree: &Tree,
    list: &List,
    drawn: &[&'a Mutant],
    args: &Args,
    results: &Mutex<Results>,
) -> Result<Vec<Drawn<'a>>> {
    let spinner = ui::spinner("which mutants compile");
    let mut unviable = lock(results).unviable(drawn);
    let (mut alone, mut checked) = (BTreeSet::new(), BTreeSet::new());
    let numbers = loop {
        let numbers: Vec<_> = (0..drawn.len())
            .filter(|number| !unviable.contains(number))
            .take(args.sample)
            .collect();
        let nowhere = |number: &&usize| drawn[**number].place == source::Place::Nowhere;
        alone.extend(numbers.iter().filter(nowhere));
        let together = numbers.iter().filter(|number| !alone.contains(*number));
        let mutants: BTreeMap<_, _> = together.map(|number| (*number, drawn[*number])).collect();
        let files = tree.switch(&list.sources, &mutants)?;
        let errors = tree.check(&PACKAGES)?;
        let rejected = build::rejected(&errors, &files, &mutants, &list.sources)?;
        if errors.is_empty() {
            if args.together {
                break numbers;
            }
            let before = unviable.len();
            for number in numbers.iter().filter(|number| alone.contains(*number)) {
                if checked.insert(*number) {
                    let mutant = drawn[*number];
                    let source = &list.sources[&mutant.file];
                    tree.replace(&mutant.file, &mutant.apply(&source.text))?;
                    if !tree.check(&[mutant.package.as_str()])?.is_empty() {
                        unviable.insert(*number);
                    }
                    tree.replace(&mutant.file, &files[&mutant.file].text)?;
                }
            }
            if unviable.len() == before {
                break numbers;
            }
        }
        unviable.extend(rejected.unviable);
        alone.extend(rejected.alone);
        let text = format!("{} do not compile, {} by themselves", unviable.len(), alone.len());
        spinner.set_message(text);
    };
    spinner.finish_and_clear();
    let mut results = lock(results);
    for number in &unviable {
        results.add(drawn[*number], Verdict::Unviable)?;
    }
    let sample: Vec<_> = numbers
        .into_iter()
        .map(|number| Drawn { number, mutant: drawn[number], alone: alone.contains(&number) })
        .filter(|drawn| !(args.together && drawn.alone))
        .collect();
    ui::line(format!(
        "{} mutants that compile, {} of them only by themselves; {} that do not were drawn too",
        sample.len(),
        sample.iter().filter(|drawn| drawn.alone).count(),
        unviable.len()
    ));
    Ok(sample)
}

struct Run<'a> {
    tree: Tree,
    list: &'a List,
    sample: Vec<Drawn<'a>>,
    results: Mutex<Results>,
    equivalents: Equivalents,
    jobs: usize,
    own: bool,
    budget: Option<Duration>,
    shown: AtomicUsize,
    started: Instant,
}

impl Run<'_> {
    /// Returns the mutants that have no verdict yet.
    fn open(&self, wanted: impl Fn(&Drawn<'_>) -> bool) -> Vec<&Drawn<'_>> {
        let results = lock(&self.results);
        let open =
            self.sample.iter().filter(|drawn| wanted(drawn) && results.of(drawn.mutant).is_none());
        open.collect()
    }

    /// Tests all mutants that compile into one build.
    fn together(&self) -> Result<()> {
        self.shown.store(self.sample.len() - self.open(|_| true).len(), Ordering::Relaxed);
        let open = self.open(|drawn| !drawn.alone);
        if open.is_empty() {
            return Ok(());
        }
        let switched = self.sample.iter().filter(|drawn| !drawn.alone);
        self.tree.switch(
            &self.list.sources,
            &switched.map(|drawn| (drawn.number, drawn.mutant)).collect(),
        )?;
        let spinner = ui::spinner("building the tests, with all mutants in them");
        let packages: BTreeSet<_> =
            open.iter().map(|drawn| drawn.mutant.package.as_str()).collect();
        let (errors, mut tests) = match self.own {
            true => self.tree.tests_in(&packages.iter().copied().collect::<Vec<_>>())?,
            false => self.tree.tests()?,
        };
        ensure!(errors.is_empty(), "tests do not build: {}", errors[0]["message"]["rendered"]);
        if packages.iter().any(|package| MODELLED.contains(package)) {
            tests.extend(self.tree.models()?);
        }
        spinner.finish_and_clear();
        let spinner = ui::spinner("running each test by itself, without a mutant");
        let runner = Runner::new(self.tree.root.with_extension("runs"))?;
        let reach = Reach::record(&runner, tests, self.jobs, self.budget)?;
        spinner.finish_and_clear();
        ui::line(format!(
            "{} tests, {:.0} s until now",
            reach.len(),
            self.started.elapsed().as_secs_f32()
        ));
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        thread::scope(|scope| {
            for lane in 0..self.jobs {
                let (next, failed, runner, reach, open) = (&next, &failed, &runner, &reach, &open);
                scope.spawn(move || {
                    while let Some(drawn) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let tried = reach.try_mutant(runner, drawn.number, lane);
                        if let Err(error) =
                            tried.and_then(|noticed| self.conclude(drawn.mutant, noticed))
                        {
                            *lock(failed) = Some(error);
                            break;
                        }
                    }
                });
            }
        });
        failed.into_inner().ok().flatten().map_or(Ok(()), Err)
    }

    /// Builds and tests the other mutants one by one.
    fn alone(&self) -> Result<()> {
        let open = self.open(|drawn| drawn.alone);
        if open.is_empty() {
            return Ok(());
        }
        let files = self.tree.switch(&self.list.sources, &BTreeMap::new())?;
        for drawn in open {
            let mutant = drawn.mutant;
            self.tree
                .replace(&mutant.file, &mutant.apply(&self.list.sources[&mutant.file].text))?;
            let runner = Runner::new(self.tree.root.with_extension("runs"))?;
            let run = |test: &Test| runner.run(test, &Job::default());
            let own = self.tree.tests_of(&mutant.package)?;
            let mut verdict = first_failure(&own.iter().collect::<Vec<_>>(), run)?;
            if verdict.is_none() {
                let (errors, tests) = self.tree.tests()?;
                ensure!(
                    errors.is_empty(),
                    "tests do not build: {}",
                    errors[0]["message"]["rendered"]
                );
                let mut tests = self.order(&tests, &mutant.package);
                tests.retain(|test| test.package != mutant.package);
                verdict = first_failure(&tests, run)?;
            }
            if verdict.is_none() && MODELLED.contains(&mutant.package.as_str()) {
                verdict = first_failure(&self.tree.models()?.iter().collect::<Vec<_>>(), run)?;
            }
            self.conclude(mutant, verdict)?;
            self.tree.replace(&mutant.file, &files[&mutant.file].text)?;
        }
        Ok(())
    }

    /// Runs the documentation's examples with what all tests have missed.
    fn examples(&self) -> Result<()> {
        let missed =
            |drawn: &&Drawn<'_>| lock(&self.results).of(drawn.mutant) == Some(&Verdict::Missed);
        let missed: Vec<_> =
            self.sample.iter().filter(|drawn| !drawn.alone).filter(missed).collect();
        if missed.is_empty() {
            return Ok(());
        }
        let switched = self.sample.iter().filter(|drawn| !drawn.alone);
        self.tree.switch(
            &self.list.sources,
            &switched.map(|drawn| (drawn.number, drawn.mutant)).collect(),
        )?;
        let runner = Runner::new(self.tree.root.with_extension("runs"))?;
        let packages: BTreeSet<_> =
            missed.iter().map(|drawn| drawn.mutant.package.as_str()).collect();
        for package in packages {
            let folder = runner.folder(0)?;
            host::run(self.tree.examples(package).env(switch::REACHED, &folder))
                .context("the examples fail without a mutant")?;
            let reached = reach::reached(&folder)?;
            let reached = |drawn: &&&Drawn<'_>| reached.get(drawn.number) == Some(&1);
            let own = missed.iter().filter(|drawn| drawn.mutant.package == package);
            for drawn in own.filter(reached) {
                let mut examples = self.tree.examples(package);
                examples.env(switch::VARIABLE, drawn.number.to_string());
                if !examples.output().context("starting cargo")?.status.success() {
                    ui::line(format!("examples notice {}", drawn.mutant.describe()));
                    let by = format!("cargo test -p {package} --doc");
                    lock(&self.results).add(drawn.mutant, Verdict::Noticed(by))?;
                }
            }
        }
        Ok(())
    }

    /// Returns the tests that contain a package: its own first, then those of its users, then
    /// models.
    fn order<'t>(&self, tests: &'t [Test], package: &str) -> Vec<&'t Test> {
        let contains = |test: &&Test| match test.model {
            true => MODELLED.contains(&package),
            false => self.tree.contains.get(&test.package).is_some_and(|all| all.contains(package)),
        };
        let mut ordered: Vec<_> = tests.iter().filter(contains).collect();
        ordered.sort_by_key(|test| match &test.package {
            _ if test.model => 3,
            own if own == package => 0,
            other if PACKAGES.contains(&other.as_str()) => 1,
            _ => 2,
        });
        ordered
    }

    fn conclude(&self, mutant: &Mutant, noticed: Option<String>) -> Result<()> {
        let count = self.shown.fetch_add(1, Ordering::Relaxed) + 1;
        let place = format!("{count:>4}/{}", self.sample.len());
        let verdict = match noticed {
            Some(by) => {
                ui::line(format!("{place} noticed by {by}: {}", mutant.describe()));
                Verdict::Noticed(by)
            }
            None => {
                let reason = self.equivalents.reason(mutant);
                let word = if reason.is_some() { "equivalent " } else { "NOT NOTICED" };
                ui::line(format!("{place} {} {}", ui::red(word), mutant.describe()));
                Verdict::Missed
            }
        };
        lock(&self.results).add(mutant, verdict)
    }

    fn summary(&self) -> Result<i32> {
        let results = lock(&self.results);
        let (mut noticed, mut argued) = (0, 0);
        for drawn in &self.sample {
            match results.of(drawn.mutant).context("a mutant without a verdict")? {
                Verdict::Noticed(_) => noticed += 1,
                _ => match self.equivalents.reason(drawn.mutant) {
                    Some(reason) => {
                        argued += 1;
                        ui::line(format!("equivalent  {}: {reason}", drawn.mutant.describe()));
                    }
                    None => {
                        ui::line(format!("{} {}", ui::red("NOT NOTICED"), drawn.mutant.describe()));
                    }
                },
            }
        }
        for unused in self.equivalents.unused(&self.list.mutants) {
            ui::line(format!("equivalents: no mutant is like {unused}; remove the entry"));
        }
        let total = self.sample.len();
        ui::line(format!("{}", results.path().display()));
        ui::line(format!("{:.0} s in all", self.started.elapsed().as_secs_f32()));
        ui::line(format!("{argued} argued equivalent, {} not noticed", total - noticed - argued));
        ui::line(format!(
            "{noticed} of {total} noticed ({:.1} %)",
            100.0 * noticed as f32 / total.max(1) as f32
        ));
        Ok(i32::from(noticed * 1000 < total * ENOUGH))
    }
}

/// Runs tests until one fails; returns its name with the command that runs it.
fn first_failure(tests: &[&Test], run: impl Fn(&Test) -> Result<End>) -> Result<Option<String>> {
    for test in tests {
        if let End::Failed(how) = run(test)? {
            return Ok(Some(format!("{} ({how})", test.command)));
        }
    }
    Ok(None)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use source::Place;

    #[test]
    fn same_seed_draws_same_mutants() {
        let all: Vec<_> =
            (0..50).map(|n| Mutant::for_test(n..n + 1, &n.to_string(), Place::Nowhere)).collect();
        let names =
            |seed| draw(&all, "", seed).iter().map(|mutant| mutant.key()).collect::<Vec<_>>();
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
        let fewer = all[1..].to_vec();
        let rest: Vec<_> = names(7).into_iter().filter(|key| *key != all[0].key()).collect();
        assert_eq!(draw(&fewer, "", 7).iter().map(|mutant| mutant.key()).collect::<Vec<_>>(), rest);
        assert_eq!(draw(&all, "elsewhere", 7).len(), 0);
    }
}
