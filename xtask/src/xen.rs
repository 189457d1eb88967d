//! `cargo xtask xen`: the testbed by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::testbed::{
    self, Arch, Archive, Boot, Dom0Kind, Ending, Event, Outcome, StaticDomains, Terminal,
    XenVersion,
};
use crate::tty::Tty;
use crate::{host, kernels, payload, pvh, ui};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fetches and builds all that boots need
    Setup,
    /// Boots Xen with Linux as dom0, where PAYLOAD is /payload; its `run` is executed, its exit
    /// code is ours
    Run {
        /// A folder with an executable `run`; all of it becomes /payload in dom0
        payload: PathBuf,
        /// Additional files for /payload, as NAME=PATH
        #[arg(long = "file", value_name = "NAME=PATH")]
        files: Vec<String>,
        #[command(flatten)]
        machine: Machine,
    },
    /// Boots Xen with Linux as dom0 and starts a kernel as PVH guest with a disk (16 MiB of zeros)
    /// and a network interface (dom0 is 10.0.0.1/24); shows its console and how it ends. The exit
    /// code is 0 for a power-off only
    Guest {
        /// An ELF kernel with a PVH entry
        kernel: PathBuf,
        /// The guest's command line
        #[arg(long, default_value = "", allow_hyphen_values = true)]
        cmdline: String,
        /// The guest's virtual processors
        #[arg(long, default_value_t = 1)]
        vcpus: u32,
        /// Connects the terminal to the guest's console; Ctrl-] leaves
        #[arg(long, short)]
        interactive: bool,
        #[command(flatten)]
        machine: Machine,
    },
    /// Boots a kernel itself as PVH dom0, without Linux
    Kernel {
        /// An ELF kernel with a PVH entry
        kernel: PathBuf,
        #[command(flatten)]
        machine: Machine,
    },
}

/// The machine to boot.
#[derive(clap::Args)]
pub(crate) struct Machine {
    #[arg(long, value_enum, default_value = "4.17")]
    xen: XenVersion,
    /// Architecture of the machine
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// Kind of dom0 on x86
    #[arg(long, value_enum, default_value = "pv")]
    dom0: Dom0Kind,
    /// Version of the interrupt controller on arm64
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=3))]
    gic: u32,
    /// Counts instructions instead of time: the same figures in every run
    #[arg(long)]
    icount: bool,
    /// Processors; all take turns in one thread, so one is the fastest
    #[arg(long, default_value_t = 1)]
    cpus: u32,
    /// Memory of the machine in MiB
    #[arg(long, default_value_t = 2048)]
    mem: u32,
    /// Memory of dom0 in MiB
    #[arg(long, default_value_t = 1024)]
    dom0_mem: u32,
    /// Seconds
    #[arg(long, default_value_t = 300)]
    timeout: u64,
    /// Where all output goes (default: target/xen/xen.log)
    #[arg(long)]
    log: Option<PathBuf>,
    /// Added to Xen's command line
    #[arg(long, default_value = "")]
    xen_args: String,
    /// Added to the dom0 kernel's command line
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    append: String,
    /// Shows only what the payload prints
    #[arg(long, short)]
    quiet: bool,
}

impl Machine {
    fn boot(&self) -> Result<Boot> {
        Ok(Boot {
            arch: self.arch,
            gic: self.gic,
            xen: self.xen,
            dom0: self.dom0,
            icount: self.icount,
            cpus: self.cpus,
            stable_tsc: false,
            mem: self.mem,
            dom0_mem: self.dom0_mem,
            timeout: Duration::from_secs(self.timeout),
            log: match &self.log {
                Some(path) => path.clone(),
                None => host::results()?.join("xen.log"),
            },
            xen_args: self.xen_args.clone(),
            append: self.append.clone(),
            plugin: None,
            domains: StaticDomains::default(),
            xen_image: None,
        })
    }
}

pub(crate) fn main(command: &Command) -> Result<i32> {
    match command {
        Command::Setup => {
            for arch in [Arch::X86_64, Arch::Arm64] {
                testbed::prepare(arch, &XenVersion::ALL)?;
            }
            println!("ready");
            Ok(0)
        }
        Command::Run { payload, files, machine } => run(payload, files, machine),
        Command::Guest { kernel, cmdline, vcpus, interactive, machine } => {
            let mut boot = machine.boot()?;
            boot.append = format!("QUIET=1 {}", boot.append);
            let guest = Guest { kernel, cmdline, vcpus: *vcpus };
            let report = guest.run(boot, *interactive, &mut |event| show(event, machine.quiet))?;
            ui::line(report.describe());
            Ok(report.code())
        }
        Command::Kernel { kernel, machine } => {
            let boot = machine.boot()?;
            kernels::check(boot.arch, kernel)?;
            testbed::prepare(boot.arch, &[boot.xen])?;
            let mut rebooted = false;
            let outcome = boot.kernel(kernel, &mut |event| {
                rebooted |= matches!(
                    event,
                    Event::Xen(line) if line.contains("Hardware Dom0 shutdown: reboot")
                );
                show(&event, machine.quiet);
            })?;
            let code = ended(&boot, &outcome);
            if rebooted && code == 0 {
                eprintln!("xen: the kernel rebooted, expected a power-off");
                return Ok(1);
            }
            Ok(code)
        }
    }
}

/// A kernel that is to run as a PVH guest of a Linux dom0.
pub(crate) struct Guest<'a> {
    pub(crate) kernel: &'a Path,
    pub(crate) cmdline: &'a str,
    pub(crate) vcpus: u32,
}

impl Guest<'_> {
    /// Checks the kernel's image, boots and runs it to its end.
    pub(crate) fn run(
        &self,
        mut boot: Boot,
        interactive: bool,
        watch: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Report> {
        kernels::check(boot.arch, self.kernel)?;
        let mut archive = Archive::default();
        archive.file("payload/run", 0o755, include_str!("../payload/guest.sh"));
        archive.file("payload/cmdline", 0o644, self.cmdline);
        archive.file("payload/vcpus", 0o644, self.vcpus.to_string());
        archive.copy("payload/guest", self.kernel)?;
        archive.copy("payload/testbed-peer", &payload::peer(boot.arch)?)?;
        testbed::prepare(boot.arch, &[boot.xen])?;
        let mut tty = Tty::default();
        let terminal = interactive.then_some(&mut tty as &mut dyn Terminal);
        if interactive {
            boot.append += " INTERACTIVE=1";
            boot.timeout = boot.timeout.max(Duration::from_secs(24 * 3600));
        }
        let mut guest_state = GuestState::default();
        let outcome = boot.run(&archive, terminal, &mut |event| {
            guest_state.see(&event);
            watch(&event);
        })?;
        Ok(Report { log: boot.log, timeout: boot.timeout, guest_state, outcome })
    }
}

/// Runs a guest that ends by a triple fault on real Xen, and checks that the report names the
/// fault.
pub(crate) fn check_report(version: XenVersion) -> Result<()> {
    let kernel = host::results()?.join("triple-fault");
    fs::write(&kernel, pvh::image(pvh::TRIPLE_FAULT))?;
    let mut boot = Boot::new(version, host::results()?.join(format!("triple-fault-{version}.log")));
    boot.append = "QUIET=1".to_owned();
    let report = Guest { kernel: &kernel, cmdline: "", vcpus: 1 }.run(boot, false, &mut |_| {})?;
    let text = report.describe();
    let complete = text.contains("guest: triple fault") && text.contains("xen: RIP:");
    if report.code() != 1 || !complete {
        bail!(
            "a guest with a triple fault: found exit code {} and the report below, expected 1 and \
             the fault\n{text}",
            report.code()
        );
    }
    Ok(())
}

/// Runs the downstream kernel as a guest of real Xen, and checks its output on the console and in
/// Xen's log.
pub(crate) fn check_downstream(version: XenVersion, kernel: &Path) -> Result<()> {
    let mut boot = Boot::new(version, host::results()?.join(format!("downstream-{version}.log")));
    boot.append = "QUIET=1".to_owned();
    let mut missing =
        vec!["downstream: name guest", "downstream: 16777216 bytes, sum 0", "downstream: ok"];
    let guest = Guest { kernel, cmdline: "", vcpus: 1 };
    let report = guest.run(boot, false, &mut |event| {
        if let Event::Payload(line) | Event::Xen(line) = event {
            missing.retain(|text| !line.contains(text));
        }
    })?;
    if report.code() != 0 || !missing.is_empty() {
        bail!("downstream kernel: found no {missing:?}, expected them\n{}", report.describe());
    }
    Ok(())
}

/// End of a guest, as the toolstack reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    NotCreated,
    Destroyed,
    /// A shutdown, with `SHUTDOWN_*` of `sched.h`.
    Shutdown(u32),
}

/// State of a running guest.
#[derive(Default)]
struct GuestState {
    created: bool,
    end: Option<End>,
    /// Xen's own lines on a fault of the guest: the fault, and the registers.
    fault: Vec<String>,
    /// Number of further lines of a report.
    more: u32,
}

impl GuestState {
    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Mark(mark) => {
                let mut words = mark.split(' ');
                match (words.next(), words.next()) {
                    (Some("created"), _) => self.created = true,
                    (Some("ended"), Some("not-created")) => self.end = Some(End::NotCreated),
                    (Some("ended"), Some("destroyed")) => self.end = Some(End::Destroyed),
                    (Some("ended"), Some(code)) => self.end = code.parse().ok().map(End::Shutdown),
                    _ => {}
                }
            }
            Event::Xen(line) => self.xen(line),
            Event::Payload(_) => {}
        }
    }

    fn xen(&mut self, line: &str) {
        let Some(text) = line.strip_prefix("(XEN) ") else { return };
        if is_fault(text) {
            self.more = DUMP;
        } else if self.more == 0 {
            return;
        }
        // The segment registers are the last.
        self.more = if text.contains(" cs: ") { 0 } else { self.more.saturating_sub(1) };
        self.fault.push(text.to_owned());
    }

    fn triple_fault(&self) -> bool {
        self.fault.iter().any(|line| line.contains("Triple fault"))
    }
}

/// The most lines of a fault and of the registers that Xen prints with it.
const DUMP: u32 = 24;

/// Recognizes the first line that Xen prints on a fault of another domain than dom0.
fn is_fault(line: &str) -> bool {
    let guest = |rest: &str| rest.starts_with(|digit: char| digit.is_ascii_digit() && digit != '0');
    let triple = line.strip_prefix('d').is_some_and(guest) && line.contains("Triple fault");
    let crash = line.strip_prefix("Domain ").is_some_and(guest) && line.contains("crashed on cpu");
    triple || crash || line.starts_with("domain_crash called from")
}

/// End of the run of a guest.
pub(crate) struct Report {
    log: PathBuf,
    timeout: Duration,
    guest_state: GuestState,
    outcome: Outcome,
}

impl Report {
    /// Returns the exit code: 0 if the guest powered itself off, and for nothing else.
    pub(crate) fn code(&self) -> i32 {
        match (self.outcome.ending, self.guest_state.end) {
            (Ending::Exit(0), Some(End::Shutdown(0))) if !self.guest_state.triple_fault() => 0,
            _ => self.outcome.code().max(1),
        }
    }

    /// Describes the end in words, after Xen's lines on a fault.
    pub(crate) fn describe(&self) -> String {
        let reason = match (self.outcome.ending, self.guest_state.end) {
            (_, Some(_)) if self.guest_state.triple_fault() => {
                "triple fault: an exception that the kernel could not take, and Xen reset it"
                    .to_owned()
            }
            (_, Some(End::NotCreated)) => {
                "not created: the toolstack refused it, for the reason above".to_owned()
            }
            (_, Some(End::Destroyed)) => {
                "destroyed from outside, without a shutdown of its own".to_owned()
            }
            (_, Some(End::Shutdown(code))) => shutdown(code),
            (Ending::TimedOut, None) if self.guest_state.created => {
                format!(
                    "still running at the time-out of {} s; --timeout sets it",
                    self.timeout.as_secs()
                )
            }
            (Ending::Quit, None) => "still running when the user left".to_owned(),
            (_, None) if self.guest_state.created => "unknown: the machine ended first".to_owned(),
            (_, None) => "not created: dom0 ended first".to_owned(),
        };
        let mut text = String::new();
        for line in &self.guest_state.fault {
            text += &format!("xen: {line}\n");
        }
        if self.outcome.ending != Ending::Exit(0) || self.outcome.emulator_fault {
            text += &format!("machine: {}\n", self.outcome.describe());
        }
        text + &format!("guest: {reason}; log {}", self.log.display())
    }
}

/// Names the reason of a shutdown.
fn shutdown(code: u32) -> String {
    let word = match code {
        0 => "powered off",
        1 => "rebooted, and was not started again",
        2 => "suspended itself, and nothing resumes it here",
        3 => "crashed: it reported so, or Xen stopped it",
        4 => "stopped by its watchdog",
        5 => "soft reset, and was not started again",
        _ => "shut down",
    };
    format!("{word} (reason code {code})")
}

fn run(folder: &Path, files: &[String], machine: &Machine) -> Result<i32> {
    if !folder.join("run").is_file() {
        bail!("no payload {}: it must have an executable file `run`", folder.display());
    }
    let mut archive = Archive::default();
    archive.copy_tree("payload", folder)?;
    for file in files {
        let Some((name, path)) = file.split_once('=') else {
            bail!("--file {file}: expected NAME=PATH")
        };
        archive.copy(&format!("payload/{name}"), Path::new(path))?;
    }
    boot(&archive, machine, &machine.append)
}

fn boot(archive: &Archive, machine: &Machine, append: &str) -> Result<i32> {
    let mut boot = machine.boot()?;
    append.clone_into(&mut boot.append);
    testbed::prepare(boot.arch, &[boot.xen])?;
    let outcome = boot.run(archive, None, &mut |event| show(&event, machine.quiet))?;
    Ok(ended(&boot, &outcome))
}

fn show(event: &Event<'_>, quiet: bool) {
    match event {
        Event::Payload(line) => ui::line(line),
        Event::Xen(line) if !quiet => ui::line(ui::dim(line)),
        Event::Mark(mark) if !quiet => ui::line(ui::dim(&format!("TESTBED {mark}"))),
        Event::Xen(_) | Event::Mark(_) => {}
    }
}

fn ended(boot: &Boot, outcome: &Outcome) -> i32 {
    eprintln!("xen: {}, log {}", outcome.describe(), boot.log.display());
    outcome.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ending: Ending, marks: &[&str], xen: &[&str]) -> Report {
        let mut guest_state = GuestState::default();
        xen.iter().for_each(|line| guest_state.see(&Event::Xen(line)));
        marks.iter().for_each(|mark| guest_state.see(&Event::Mark(mark)));
        let outcome = Outcome { ending, elapsed: Duration::from_secs(20), emulator_fault: false };
        Report {
            log: PathBuf::from("xen.log"),
            timeout: Duration::from_secs(300),
            guest_state,
            outcome,
        }
    }

    #[test]
    fn only_a_power_off_is_success() {
        assert_eq!(report(Ending::Exit(0), &["created", "ended 0"], &[]).code(), 0);
        for (mark, words) in [
            ("ended 1", "guest: rebooted"),
            ("ended 2", "guest: suspended itself"),
            ("ended 3", "guest: crashed"),
            ("ended 4", "guest: stopped by its watchdog"),
            ("ended 5", "guest: soft reset"),
            ("ended destroyed", "guest: destroyed"),
            ("ended not-created", "guest: not created"),
        ] {
            let report = report(Ending::Exit(0), &["created", mark], &[]);
            assert_eq!(report.code(), 1, "{mark}");
            assert!(report.describe().starts_with(words), "{}", report.describe());
        }
        assert_eq!(report(Ending::Exit(0), &[], &[]).code(), 1);
        assert_eq!(report(Ending::Exit(2), &["ended 0"], &[]).code(), 2);
    }

    #[test]
    fn guest_at_timeout_still_runs() {
        let running = report(Ending::TimedOut, &["created"], &[]);
        assert_eq!(running.code(), 124);
        assert!(running.describe().contains("guest: still running at the time-out of 300 s"));
        let early = report(Ending::TimedOut, &[], &[]);
        assert!(early.describe().contains("guest: not created"), "{}", early.describe());
        assert_ne!(report(Ending::Quit, &["created"], &[]).code(), 0);
    }

    #[test]
    fn triple_fault_shows_the_registers() {
        let lines = [
            "(XEN) d1v0 Triple fault - invoking HVM shutdown action 1",
            "(XEN) *** Dumping Dom1 vcpu#0 state: ***",
            "(XEN) RIP:    0008:[<0000000000100007>]",
            "(XEN) ds: 0000   es: 0000   fs: 0000   gs: 0000   ss: 0000   cs: 0008",
            "(XEN) Preparing system for ACPI S5 state.",
        ];
        // Xen takes it for a reboot.
        let report = report(Ending::Exit(0), &["created", "ended 1"], &lines);
        assert_eq!(report.code(), 1);
        let text = report.describe();
        assert!(text.contains("xen: RIP:    0008:[<0000000000100007>]\n"), "{text}");
        assert!(text.contains(" cs: 0008\nguest: triple fault"), "{text}");
    }

    #[test]
    fn dom0_faults_are_not_the_guests() {
        assert!(is_fault("d12v1 Triple fault - invoking HVM shutdown action 1"));
        assert!(!is_fault("d0v0 Triple fault - invoking HVM shutdown action 1"));
        assert!(is_fault("Domain 3 (vcpu#0) crashed on cpu#0:"));
        assert!(!is_fault("Domain 0 (vcpu#0) crashed on cpu#0:"));
    }
}
