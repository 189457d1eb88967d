//! `cargo xtask conformance`: the conformance suite of xenstored against our server and against
//! Xen's: on this machine, without Xen, over sockets; and on real Xen, over a guest's ring. And
//! Xen's own test of a xenstore server against ours.

mod guest;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};
use xen_hypercall::{DomId, Port};
use xenstored::conformance::{self, Access, Peer};
use xenstored::server::{NoDomains, Server};
use xenstored::user::{Daemon, ProcessRuntime, Stream};

use crate::testbed::{self, Arch, XenVersion};
use crate::{host, kernels, ui};

pub(crate) use guest::Said;

/// Loaded into Xen's servers in the place of the libraries that need a hypervisor.
const STANDIN: &str = include_str!("../../standin/xen.c");

const OXENSTORED_CONF: &str = "perms-activate = true\nquota-activate = true\npersistent = false\n\
    xenstored-log-file = /var/log/xen/xenstored.log\n\
    xenstored-kva = /proc/xen/xsd_kva\nxenstored-port = /proc/xen/xsd_port\n";

/// Maximum time until a server listens.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Options of `conformance`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the servers run
    #[arg(long, value_enum, default_value_t = On::Host)]
    on: On,
    /// Architecture of Xen
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    /// Only the servers whose name begins so: `oxenstored`, `xenstored420`
    #[arg(long, default_value = "")]
    server: String,
    /// Shows a line for each case
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum On {
    /// On this machine, with clients on sockets
    Host,
    /// In dom0 of real Xen, with a guest as client
    Xen,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let mut failed = 0;
    let wanted =
        |peer: &Peer| format!("{peer:?}").to_lowercase().starts_with(&args.server.to_lowercase());
    let peers = Peer::ALL.into_iter().filter(wanted);
    if args.on == On::Xen {
        let arch = args.arch.unwrap_or(Arch::X86_64);
        let kernel = kernels::store_suite(arch)?;
        for (peer, version, daemon) in peers.filter_map(daemon) {
            let checked = guest::check(peer, (version, arch), daemon, &kernel, args.verbose);
            failed += report(&format!("{peer:?} on Xen {version} {arch}"), checked);
        }
        return Ok(i32::from(failed > 0));
    }
    ensure!(args.arch.is_none(), "--arch needs --on xen");
    for peer in peers {
        let checked = Running::start(peer).and_then(|running| check(&running, peer, args.verbose));
        failed += report(&format!("{peer:?}"), checked);
    }
    let ours = Running::start(Peer::Ours)?;
    for version in XenVersion::ALL {
        failed += report(
            &format!("test-xenstore of Xen {version} against ours"),
            test_xenstore(&ours, version),
        );
    }
    Ok(i32::from(failed > 0))
}

/// Returns the version that a server of Xen's is of, and its name.
fn daemon(peer: Peer) -> Option<(Peer, XenVersion, &'static str)> {
    match peer {
        Peer::Ours => None,
        Peer::Xenstored417 => Some((peer, XenVersion::V4_17, "xenstored")),
        Peer::Xenstored420 => Some((peer, XenVersion::V4_20, "xenstored")),
        Peer::Oxenstored417 => Some((peer, XenVersion::V4_17, "oxenstored")),
        Peer::Oxenstored420 => Some((peer, XenVersion::V4_20, "oxenstored")),
    }
}

/// Returns the C xenstored of a version.
pub(crate) fn xenstored(version: XenVersion) -> Peer {
    match version {
        XenVersion::V4_17 => Peer::Xenstored417,
        XenVersion::V4_20 => Peer::Xenstored420,
    }
}

/// Prints a line and returns how many things went wrong.
fn report(what: &str, result: Result<String>) -> usize {
    match result {
        Ok(text) => {
            ui::line(format!("{} {what}: {text}", ui::green("ok")));
            0
        }
        Err(error) => {
            ui::line(format!("{} {what}: {error:#}", ui::red("FAIL")));
            1
        }
    }
}

/// Runs the suite and compares what differs with what is known to.
fn check(running: &Running, peer: Peer, verbose: bool) -> Result<String> {
    let stream = Stream::connect(&running.socket()).context("connecting")?;
    let process = ProcessRuntime::new(&stream);
    let mut wrong = Vec::new();
    let report = conformance::run(&process, stream, Port(0), DomId(0), |case, result| {
        if verbose {
            let shown =
                result.as_ref().map_or_else(ToString::to_string, |()| "as it should".to_owned());
            ui::line(format!("{peer:?}: {case}: {shown}"));
        }
        match (result, conformance::difference(peer, Access::Control, case)) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Ok(()), Some(known)) => wrong.push(format!("{case}: no longer differs ({known})")),
            (Err(failure), None) => wrong.push(format!("{case}: {failure}")),
        }
    });
    if wrong.is_empty() {
        Ok(report.to_string())
    } else {
        bail!("{report}\n  {}", wrong.join("\n  "))
    }
}

/// Runs Xen's own test of a server.
fn test_xenstore(running: &Running, version: XenVersion) -> Result<String> {
    let tool = testbed::tools(Arch::X86_64, version)?
        .command(&format!("usr/lib/xen-{version}/bin/test-xenstore"), None)?;
    let mut rounds = tool;
    rounds.args(["--iterations", "20"]).env("XENSTORED_RUNDIR", &running.dir);
    let text = host::output(&mut rounds)?;
    Ok(format!("{} tests passed", text.lines().filter(|line| line.contains(" ns")).count()))
}

/// A server that listens, in a folder of its own.
pub(crate) struct Running {
    dir: PathBuf,
    /// Ours is a thread of this process.
    child: Option<Child>,
}

impl Running {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(peer: Peer) -> Result<Running> {
        let dir = host::target().join("xenstored").join(format!("{peer:?}"));
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("emptying {}", dir.display()))?;
        }
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let Some((_, version, tool)) = daemon(peer) else {
            let mut daemon = Daemon::bind(dir.join("socket"), Server::new(), Box::new(NoDomains))?;
            thread::spawn(move || while daemon.serve(None).is_ok() {});
            return Ok(Running { dir, child: None });
        };
        let tools = testbed::tools(Arch::X86_64, version)?;
        let mut command =
            tools.command(&format!("usr/lib/xen-{version}/bin/{tool}"), Some(&standin()?))?;
        if tool == "oxenstored" {
            fs::write(dir.join("conf"), OXENSTORED_CONF)?;
            command.arg("--no-fork").arg("--config-file").arg(dir.join("conf"));
        } else {
            command.arg("--no-fork");
        }
        // What Linux says of the control domain's ring: a port, and a page.
        fs::write(dir.join("xsd_port"), "1")?;
        fs::write(dir.join("xsd_kva"), [0; 4096])?;
        command.env("XENSTORED_RUNDIR", &dir).env("STANDIN_ROOT", tools.path());
        let log = fs::File::create(dir.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child =
            command.spawn().with_context(|| format!("starting {}", host::describe(&command)))?;
        let mut running = Running { dir, child: Some(child) };
        running.wait()?;
        Ok(running)
    }

    /// Returns the processor time that a server of Xen's has taken so far, in nanoseconds.
    pub(crate) fn processor_time(&self) -> Option<u64> {
        let child = self.child.as_ref()?;
        let text = fs::read_to_string(format!("/proc/{}/schedstat", child.id())).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    /// Returns where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            let ended = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || start.elapsed() > TIMEOUT {
                let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                bail!("the server does not listen; it says: {log}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // What is left of it is of no use.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Compiles the stand-in and returns where it is.
fn standin() -> Result<PathBuf> {
    host::require(&[("gcc", "gcc")])?;
    let dir = host::target().join("xenstored");
    let (source, library) = (dir.join("xen.c"), dir.join("xen.so"));
    fs::create_dir_all(&dir)?;
    fs::write(&source, STANDIN)?;
    host::run(
        Command::new("gcc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(&source)
            .arg("-ldl"),
    )?;
    Ok(library)
}
