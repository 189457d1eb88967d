//! Named, timed steps of a command: a line for each at run time, a table at the end.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::ui;

/// The steps that have run so far.
#[derive(Default)]
pub(crate) struct Steps(Vec<Step>);

struct Step {
    name: String,
    took: Duration,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    Failed,
    /// Neither, for this reason.
    NotRun(String),
}

/// A step that runs beside others, on an idle core.
pub(crate) struct Background {
    name: String,
    job: JoinHandle<(Result<Option<String>>, Duration)>,
}

impl Background {
    /// Starts a step. [`Steps::join`] waits for it and counts it.
    pub(crate) fn start(name: &str, work: impl FnOnce() -> Result<()> + Send + 'static) -> Self {
        Self::optional(name, || work().map(|()| None))
    }

    /// Starts a step that returns the reason if it cannot run on this machine.
    pub(crate) fn optional<F>(name: &str, work: F) -> Self
    where
        F: FnOnce() -> Result<Option<String>> + Send + 'static,
    {
        ui::line(format!("..    {name}  (beside the next steps)"));
        let job = thread::spawn(move || {
            let started = Instant::now();
            let done = work();
            (done, started.elapsed())
        });
        Self { name: name.to_owned(), job }
    }
}

impl Steps {
    /// Waits for the end of a step. Shows and counts it as [`run`](Self::run) does; its time is its
    /// own, not that of the wait.
    pub(crate) fn join(&mut self, step: Background) -> bool {
        let Background { name, job } = step;
        let (done, took) =
            job.join().unwrap_or_else(|_| (Err(anyhow!("the step panicked")), Duration::ZERO));
        self.count(&name, done, took)
    }

    /// Runs one step. Shows and counts its failure, and returns whether it passed.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        self.optional(name, || work().map(|()| None))
    }

    /// Runs one step that returns the reason if it cannot run on this machine. Returns whether it
    /// passed; a step that cannot run has not.
    pub(crate) fn optional<F>(&mut self, name: &str, work: F) -> bool
    where
        F: FnOnce() -> Result<Option<String>>,
    {
        let spinner = ui::is_terminal().then(|| ui::spinner(name));
        if spinner.is_none() {
            // A log shows which step hangs.
            ui::line(format!("..    {name}"));
        }
        let started = Instant::now();
        let done = work();
        let took = started.elapsed();
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        self.count(name, done, took)
    }

    fn count(&mut self, name: &str, done: Result<Option<String>>, took: Duration) -> bool {
        let verdict = match done {
            Ok(None) => {
                let seconds = ui::dim(&format!("{:.1} s", took.as_secs_f32()));
                ui::line(format!("{}  {name}  {seconds}", ui::green("ok  ")));
                Verdict::Passed
            }
            Ok(Some(reason)) => {
                ui::line(format!("--    {name}  not run: {reason}"));
                Verdict::NotRun(reason)
            }
            Err(error) => {
                ui::line(format!("{}  {name}\n{error:#}", ui::red("FAIL")));
                Verdict::Failed
            }
        };
        let passed = matches!(verdict, Verdict::Passed);
        self.0.push(Step { name: name.to_owned(), took, verdict });
        passed
    }

    /// Returns whether the step of this name has failed.
    pub(crate) fn has_failed(&self, name: &str) -> bool {
        self.0.iter().any(|step| step.name == name && matches!(step.verdict, Verdict::Failed))
    }

    /// Prints the table of all steps and returns how many passed and failed.
    pub(crate) fn table(&self) -> (usize, usize) {
        let (mut passed, mut failed) = (0, 0);
        ui::line("\nsteps");
        for step in &self.0 {
            let verdict = match &step.verdict {
                Verdict::Passed => {
                    passed += 1;
                    ui::green("ok  ")
                }
                Verdict::Failed => {
                    failed += 1;
                    ui::red("FAIL")
                }
                Verdict::NotRun(_) => "--  ".to_owned(),
            };
            let seconds = step.took.as_secs_f32();
            ui::line(format!("  {verdict}  {:<56}{seconds:>7.1} s", step.name));
            if let Verdict::NotRun(reason) = &step.verdict {
                ui::line(format!("        not run: {reason}"));
            }
        }
        (passed, failed)
    }

    /// Prints the table and the time of the whole command, and returns its exit code.
    pub(crate) fn finish(&self, started: Instant) -> i32 {
        let (passed, failed) = self.table();
        ui::line(format!("\n{:.0} s in all", started.elapsed().as_secs_f32()));
        ui::line(format!("{passed} passed, {failed} failed"));
        i32::from(failed > 0)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn failed_step_sets_exit_code() {
        let mut steps = Steps::default();
        assert!(steps.run("one", || Ok(())));
        assert!(!steps.optional("two", || Ok(Some("no network".to_owned()))));
        assert_eq!(steps.table(), (1, 0));
        assert_eq!(steps.finish(Instant::now()), 0);
        assert!(!steps.run("three", || bail!("broken")));
        assert!(steps.has_failed("three") && !steps.has_failed("two"));
        assert_eq!(steps.table(), (1, 1));
        assert_eq!(steps.finish(Instant::now()), 1);
    }

    #[test]
    fn background_step_is_counted() {
        let mut steps = Steps::default();
        let (good, bad) =
            (Background::start("a", || Ok(())), Background::start("b", || bail!("no")));
        let lost = Background::start("c", || panic!("lost"));
        let absent = Background::optional("d", || Ok(Some("no network".to_owned())));
        assert!(steps.run("e", || Ok(())));
        let passed = [good, bad, lost, absent].map(|step| steps.join(step));
        assert_eq!(passed, [true, false, false, false]);
        assert_eq!(steps.table(), (2, 2));
    }
}
