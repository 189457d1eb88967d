//! `cargo xtask xen`: the lab by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::lab::{self, Archive, Boot, Dom0Kind, Event, Outcome, XenVersion};
use crate::{host, payload, ui};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fetches and builds all that boots need
    Setup,
    /// Boots Xen with Linux as dom0, where PAYLOAD is /payload; its `run` is executed, its exit code is ours
    Run {
        /// A folder with an executable `run`; all of it becomes /payload in dom0
        payload: PathBuf,
        /// Additional files for /payload, as NAME=PATH
        #[arg(long = "file", value_name = "NAME=PATH")]
        files: Vec<String>,
        #[command(flatten)]
        machine: Machine,
    },
    /// Boots Xen with Linux as dom0 and starts a kernel as PVH guest with a disk (16 MiB of zeros) and a network
    /// interface (dom0 is 10.0.0.1/24); shows its console
    Guest {
        /// An ELF kernel with a PVH entry
        kernel: PathBuf,
        /// The guest's command line
        #[arg(long, default_value = "", allow_hyphen_values = true)]
        cmdline: String,
        /// The guest's virtual processors
        #[arg(long, default_value_t = 1)]
        vcpus: u32,
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
    #[arg(long, value_enum, default_value = "pv")]
    dom0: Dom0Kind,
    /// Counts instructions instead of time: the same figures in every run
    #[arg(long)]
    icount: bool,
    /// Processors; they take turns in one thread, so one is the fastest
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
            xen: self.xen,
            dom0: self.dom0,
            icount: self.icount,
            cpus: self.cpus,
            mem: self.mem,
            dom0_mem: self.dom0_mem,
            timeout: Duration::from_secs(self.timeout),
            log: match &self.log {
                Some(path) => path.clone(),
                None => host::results()?.join("xen.log"),
            },
            xen_args: self.xen_args.clone(),
            append: self.append.clone(),
        })
    }
}

pub(crate) fn main(command: &Command) -> Result<i32> {
    match command {
        Command::Setup => {
            lab::prepare(&XenVersion::ALL)?;
            println!("ready");
            Ok(0)
        }
        Command::Run { payload, files, machine } => run(payload, files, machine),
        Command::Guest { kernel, cmdline, vcpus, machine } => {
            let mut archive = Archive::default();
            archive.file("payload/run", 0o755, include_str!("../payload/guest.sh"));
            archive.file("payload/cmdline", 0o644, cmdline.as_str());
            archive.file("payload/vcpus", 0o644, vcpus.to_string());
            archive.copy("payload/guest", kernel)?;
            archive.copy("payload/lab-peer", &payload::peer()?)?;
            boot(&archive, machine, &format!("QUIET=1 {}", machine.append))
        }
        Command::Kernel { kernel, machine } => {
            let boot = machine.boot()?;
            lab::prepare(&[boot.xen])?;
            let outcome = boot.kernel(kernel, &mut |event| show(&event, machine.quiet))?;
            Ok(ended(&boot, &outcome))
        }
    }
}

fn run(folder: &Path, files: &[String], machine: &Machine) -> Result<i32> {
    if !folder.join("run").is_file() {
        bail!("no payload {}: it must have an executable file `run`", folder.display());
    }
    let mut archive = Archive::default();
    archive.copy_tree("payload", folder)?;
    for file in files {
        let Some((name, path)) = file.split_once('=') else { bail!("--file {file}: expected NAME=PATH") };
        archive.copy(&format!("payload/{name}"), Path::new(path))?;
    }
    boot(&archive, machine, &machine.append)
}

fn boot(archive: &Archive, machine: &Machine, append: &str) -> Result<i32> {
    let mut boot = machine.boot()?;
    append.clone_into(&mut boot.append);
    lab::prepare(&[boot.xen])?;
    let outcome = boot.run(archive, None, &mut |event| show(&event, machine.quiet))?;
    Ok(ended(&boot, &outcome))
}

fn show(event: &Event<'_>, quiet: bool) {
    match event {
        Event::Payload(line) => ui::line(line),
        Event::Xen(line) if !quiet => ui::line(ui::dim(line)),
        Event::Mark(mark) if !quiet => ui::line(ui::dim(&format!("LAB {mark}"))),
        Event::Xen(_) | Event::Mark(_) => {}
    }
}

fn ended(boot: &Boot, outcome: &Outcome) -> i32 {
    eprintln!("xen: {}, log {}", outcome.describe(), boot.log.display());
    outcome.code()
}
