//! `cargo xtask demo`: the shell as a guest, on a simulated Xen or on real Xen, by script or by
//! hand.

mod sim;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::payload::{self, Line};
use crate::testbed::{self, Arch, Boot, Dom0Kind, Ending, Event, Terminal, XenVersion};
use crate::tty::Tty;
use crate::{host, kernels, ui};

const SCRIPT: &str = include_str!("../payload/demo.sh");

/// Platform of the demonstration.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Hypervisor {
    /// A simulated Xen, which needs nothing but Rust
    Sim,
    /// Real Xen in an emulator
    Xen,
}

/// Options of `demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_enum, default_value = "sim")]
    on: Hypervisor,
    /// Version of real Xen
    #[arg(long, value_enum, default_value = "4.17")]
    xen: XenVersion,
    /// Architecture of the machine with real Xen
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// Kind of dom0 on real Xen
    #[arg(long, value_enum, default_value = "pv")]
    dom0: Dom0Kind,
    /// Writes a timeline for ui.perfetto.dev or chrome://tracing, or a picture if FILE ends in
    /// .svg (simulated Xen)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Draws hypercalls, events and grants while it runs (simulated Xen)
    #[arg(long, conflicts_with = "interactive")]
    watch: bool,
    /// Chance of the simulated world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Connects the terminal to the guest's prompt
    #[arg(long, short)]
    interactive: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    match args.on {
        Hypervisor::Sim => sim::main(args),
        Hypervisor::Xen if args.trace.is_some() || args.watch => {
            bail!("--trace and --watch need a simulated Xen")
        }
        Hypervisor::Xen if args.arch == Arch::Arm64 && args.dom0 == Dom0Kind::Pvh => {
            bail!("--dom0 pvh: a dom0 of arm64 has one kind only")
        }
        Hypervisor::Xen => on_xen(args),
    }
}

/// Output of a run, and the results of its comparisons.
#[derive(Default)]
struct Transcript {
    passed: u32,
    failed: u32,
}

impl Transcript {
    fn show(&mut self, line: &Line<'_>) {
        match line {
            Line::Say(text) => ui::line(format!("\n{text}")),
            Line::Console(text) if text.starts_with("$ ") => {
                ui::line(format!("  | {}", ui::style("1", text)));
            }
            Line::Console(text) => ui::line(format!("  | {text}")),
            Line::Check(check) => {
                if check.ok {
                    self.passed += 1;
                } else {
                    self.failed += 1;
                }
                ui::line(check.describe());
            }
            Line::Show(text) | Line::Other(text) => ui::line(ui::dim(text)),
            Line::Step(_) | Line::Figure(..) => {}
        }
    }

    fn summary(&self) -> String {
        format!("{} of {} comparisons hold", self.passed, self.passed + self.failed)
    }
}

fn on_xen(args: &Args) -> Result<i32> {
    let fetch = thread::spawn({
        let (arch, version) = (args.arch, args.xen);
        move || testbed::prepare(arch, &[version])
    });
    let kernel = kernels::shell(args.arch)?;
    fetch.join().map_err(|_| anyhow::anyhow!("fetching the testbed's packages panicked"))??;
    let archive = payload::archive(args.arch, SCRIPT, &kernel)?;
    let log = host::results()?.join(format!("demo-{}.log", args.xen));
    let mut boot = Boot { arch: args.arch, dom0: args.dom0, ..Boot::new(args.xen, log) };
    boot.append = "QUIET=1".to_owned();
    let mut tty = Tty::default();
    let terminal = args.interactive.then_some(&mut tty as &mut dyn Terminal);
    if args.interactive {
        boot.append += " INTERACTIVE=1";
        boot.timeout = Duration::from_secs(24 * 3600);
    }

    let title = format!("Xen {} boots in an emulator, with Linux as dom0", args.xen);
    let progress = ui::spinner(&title);
    let mut transcript = Transcript::default();
    let outcome = boot.run(&archive, terminal, &mut |event| match event {
        Event::Mark(mark) if mark.starts_with("terminal") => {
            progress.finish_and_clear();
            ui::line(
                "This is the guest's console. Enter: prompt; `help`: its commands; Ctrl-]: quit.\n",
            );
        }
        Event::Mark(mark) if mark.starts_with("run") => {
            progress.set_prefix("dom0 is up");
            ui::line(format!("Xen {} and its dom0 are up.", args.xen));
        }
        Event::Xen(line) => {
            progress.set_message(ui::dim(&line.chars().take(60).collect::<String>()));
        }
        Event::Mark(_) => {}
        Event::Payload(line) => match payload::parse(line) {
            Line::Step(step) => progress.set_prefix(step.to_owned()),
            line => transcript.show(&line),
        },
    })?;
    progress.finish_and_clear();
    if args.interactive {
        ui::line(format!("\nThe guest has ended ({}).", outcome.describe()));
        return Ok(outcome.code());
    }
    ui::line(format!("\n{}; log {}", transcript.summary(), boot.log.display()));
    if outcome.ending != Ending::Exit(0) || transcript.passed == 0 {
        bail!("the demonstration did not come to its end: {}", outcome.describe());
    }
    Ok(i32::from(transcript.failed > 0))
}
