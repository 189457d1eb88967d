//! The emulator: Xen on the first serial port, dom0's payload on the second.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::hang_detector::HangDetector;
use super::{Arch, Archive, Base, Dom0Kind, Root, StaticDomains, XenVersion, apt, host_suite};
use super::{cores, machine};
use crate::host;

/// Start of a control line of dom0's init on the second serial port.
const MARK: u8 = 0x1e;
/// End of a session at the guest's prompt: Ctrl-].
const QUIT: u8 = 0x1d;

/// Debian bookworm's QEMU 7.2, run by its own loader with its own libraries, so that every host has
/// the same one: under QEMU 10.0 Xen and dom0 boot, but nested guests end without a message.
pub(super) struct Emulator {
    arch: Arch,
    root: Root,
}

impl Emulator {
    pub(super) fn get(arch: Arch) -> Result<Emulator> {
        let (name, packages): (_, &[&str]) = match arch {
            Arch::X86_64 => ("qemu", &["qemu-system-x86", "seabios"]),
            Arch::Arm64 => ("qemu-arm", &["qemu-system-arm"]),
        };
        let root = apt::root(host_suite("bookworm"), name, packages)?;
        Ok(Emulator { arch, root })
    }

    pub(super) fn command(&self) -> Result<Command> {
        host::require(&[("taskset", "util-linux"), ("setpriv", "util-linux")])?;
        let program = match self.arch {
            Arch::X86_64 => "usr/bin/qemu-system-x86_64",
            Arch::Arm64 => "usr/bin/qemu-system-aarch64",
        };
        let qemu = self.root.command(program, None)?;
        // Its two threads share a core: on two cores TCG's SVM sometimes loses an interrupt that
        // the one sets while the other begins to run a guest, and Xen may sleep for good.
        let mut command = Command::new("taskset");
        command
            .args(["-c", &cores::next().to_string()])
            // A harness that is killed must not leave an emulator behind that keeps a core busy.
            .args(["setpriv", "--pdeathsig", "KILL", "--"])
            .arg(qemu.get_program())
            .args(qemu.get_args())
            .arg("-L")
            .arg(self.root.find("usr/share/qemu")?)
            .env("QEMU_MODULE_DIR", self.root.find("usr/lib/x86_64-linux-gnu/qemu")?);
        if self.arch == Arch::X86_64 {
            command.arg("-L").arg(self.root.find("usr/share/seabios")?);
        }
        Ok(command)
    }
}

/// One boot: the machine and what runs on it.
pub(crate) struct Boot {
    pub(crate) arch: Arch,
    pub(crate) xen: XenVersion,
    pub(crate) dom0: Dom0Kind,
    /// Counts instructions instead of time: one virtual second is 500 million of them, on one CPU.
    pub(crate) icount: bool,
    pub(crate) cpus: u32,
    /// Xen takes the time-stamp counter for stable, as on processors of today.
    pub(crate) stable_tsc: bool,
    /// MiB.
    pub(crate) mem: u32,
    /// MiB.
    pub(crate) dom0_mem: u32,
    pub(crate) timeout: Duration,
    pub(crate) log: PathBuf,
    pub(crate) xen_args: String,
    /// Version of the interrupt controller on arm64: 2 or 3.
    pub(crate) gic: u32,
    /// Added to the command line of the dom0 kernel.
    pub(crate) append: String,
    /// A plugin of the emulator, and the file that it writes.
    pub(crate) plugin: Option<(PathBuf, PathBuf)>,
    /// Domains that Xen starts itself, on arm64.
    pub(crate) domains: StaticDomains,
    /// Another Xen of the same version, in the place of Debian's.
    pub(crate) xen_image: Option<PathBuf>,
}

/// The first domain.
pub(super) struct Dom0 {
    pub(super) kernel: PathBuf,
    /// Command line.
    pub(super) line: String,
    /// An initramfs with a payload, for Linux.
    pub(super) initramfs: Option<PathBuf>,
    pub(super) kind: Dom0Kind,
}

/// Message of a running boot.
pub(crate) enum Event<'a> {
    /// A line of Xen's serial port: Xen's log, dom0's kernel, what guests write to I/O port 0xe9.
    Xen(&'a str),
    /// A line that the payload printed.
    Payload(&'a str),
    /// A control line of dom0's init: `dom0`, `run`, `log FILE` or `rc CODE`, with dom0's uptime.
    Mark(&'a str),
}

/// Returns an observer of a machine that powers itself off.
fn to_the_end(watch: &mut dyn FnMut(Event<'_>)) -> impl FnMut(Event<'_>) -> Progress {
    |event| {
        watch(event);
        Progress::Continues
    }
}

/// State of a boot, as its observer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Continues,
    /// All is done, and the machine can be stopped.
    Complete,
}

/// End of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The payload's exit code, or 0 for a kernel that shut down in order.
    Exit(i32),
    /// The dom0 kernel, or Xen, crashed.
    Crashed,
    TimedOut,
    /// The emulator sleeps for good, which is its own fault.
    StoodStill,
    /// The machine stopped before the payload had ended.
    Vanished,
    /// The user left.
    Quit,
}

/// End of a boot, and its time.
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    pub(crate) elapsed: Duration,
    /// The emulator corrupted a guest: neither Xen nor the guest is to blame.
    pub(crate) emulator_fault: bool,
}

impl Outcome {
    pub(crate) fn code(&self) -> i32 {
        match self.ending {
            Ending::Exit(code) => code,
            Ending::Crashed => 1,
            Ending::TimedOut => 124,
            Ending::Vanished => 125,
            Ending::StoodStill => 126,
            Ending::Quit => 0,
        }
    }

    /// Returns one line on the end of the boot, with the emulator's fault named.
    pub(crate) fn describe(&self) -> String {
        let seconds = self.elapsed.as_secs_f32();
        let ending = match self.ending {
            Ending::Exit(code) => format!("exit code {code}"),
            Ending::Crashed => "dom0 or Xen crashed".to_owned(),
            Ending::TimedOut => "timed out".to_owned(),
            Ending::StoodStill => {
                "the emulator failed: it hangs, as TCG's SVM does after the loss of a \
                 timer interrupt of Xen. Run again. It ended"
                    .to_owned()
            }
            Ending::Vanished => "the machine stopped before the payload ended".to_owned(),
            Ending::Quit => "left".to_owned(),
        };
        let fault = if self.emulator_fault {
            "\nThe emulator failed: the saved registers of a guest are those of Xen (a triple \
             fault at RIP e008:...) or invalid (an oops with undefined bits in EFLAGS), a known \
             fault of TCG's SVM. Run again."
        } else {
            ""
        };
        format!("{ending} after {seconds:.1} s{fault}")
    }
}

/// Connection of the user's terminal to the payload's from the mark `terminal` to the mark `rc`.
pub(crate) trait Terminal {
    /// Makes the terminal raw.
    fn enter(&mut self) -> Result<()>;
    /// Undoes it.
    fn leave(&mut self);
}

impl Boot {
    pub(crate) fn new(xen: XenVersion, log: PathBuf) -> Boot {
        Boot {
            arch: Arch::X86_64,
            xen,
            dom0: Dom0Kind::Pv,
            icount: false,
            cpus: 1,
            stable_tsc: false,
            mem: 2048,
            dom0_mem: 1024,
            timeout: Duration::from_secs(300),
            log,
            xen_args: String::new(),
            gic: 3,
            append: String::new(),
            plugin: None,
            domains: StaticDomains::default(),
            xen_image: None,
        }
    }

    /// Boots Linux as dom0 and runs `/payload/run` out of `payload`, an archive with the folder
    /// `payload`.
    pub(crate) fn run(
        &self,
        payload: &Archive,
        terminal: Option<&mut dyn Terminal>,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<Outcome> {
        let base = Base::get(self.arch, self.xen)?;
        let scratch = Scratch::new()?;
        let initramfs = scratch.0.path().join("dom0.cpio");
        let mut file = File::create(&initramfs)?;
        io::copy(&mut File::open(&base.initramfs)?, &mut file)?;
        file.write_all(&payload.pack()?)?;
        drop(file);
        let dom0 = Dom0 {
            kernel: base.linux.clone(),
            line: format!("console=hvc0 quiet {}", self.append),
            initramfs: Some(initramfs),
            kind: self.dom0,
        };
        self.emulate(&base, scratch, Some(&dom0), terminal, &mut to_the_end(watch))
    }

    /// Boots `kernel` itself as dom0, without Linux: a PVH dom0 on x86.
    pub(crate) fn kernel(
        &self,
        kernel: &Path,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<Outcome> {
        let base = Base::get(self.arch, self.xen)?;
        let kernel =
            kernel.canonicalize().with_context(|| format!("no kernel {}", kernel.display()))?;
        let kind = Dom0Kind::Pvh;
        let dom0 = Dom0 { kernel, line: self.append.clone(), initramfs: None, kind };
        self.emulate(&base, Scratch::new()?, Some(&dom0), None, &mut to_the_end(watch))
    }

    /// Boots the [`domains`](Self::domains) without dom0, until `watch` has seen their end: no
    /// domain can power the machine off.
    pub(crate) fn without_dom0(
        &self,
        watch: &mut dyn FnMut(Event<'_>) -> Progress,
    ) -> Result<Outcome> {
        let base = Base::get(self.arch, self.xen)?;
        self.emulate(&base, Scratch::new()?, None, None, watch)
    }

    fn emulate(
        &self,
        base: &Base,
        scratch: Scratch,
        dom0: Option<&Dom0>,
        terminal: Option<&mut dyn Terminal>,
        watch: &mut dyn FnMut(Event<'_>) -> Progress,
    ) -> Result<Outcome> {
        let socket = scratch.0.path().join("payload");
        let listener =
            UnixListener::bind(&socket).context("making the socket of the second serial port")?;
        let payload = dom0.is_some_and(|dom0| dom0.initramfs.is_some());
        let xen = self.xen_image.as_ref().unwrap_or(&base.xen);
        let mut command = Emulator::get(self.arch)?.command()?;
        command
            // Multi-threaded TCG is a quarter faster, but its SVM emulation corrupts a guest's
            // saved state now and then, and that of arm64 hangs now and then.
            .args(["-accel", "tcg,thread=single"])
            .args(["-smp", &if self.icount { 1 } else { self.cpus }.to_string()])
            .args(["-m", &self.mem.to_string(), "-display", "none", "-nic", "none", "-no-reboot"])
            .args(["-serial", "stdio"])
            .args(["-chardev", &format!("socket,id=payload,path={}", path(&socket)?)])
            .args(["-kernel", &path(xen)?]);
        machine::describe(&mut command, self, dom0, scratch.0.path())?;
        if self.icount {
            command.args(["-icount", "shift=1,sleep=off"]);
        }
        if let Some((plugin, out)) = &self.plugin {
            let comma = |file: &Path| path(file).map(|path| path.replace(',', ",,"));
            let mut line = format!("{},out={}", comma(plugin)?, comma(out)?);
            if self.arch == Arch::Arm64 {
                // By its memory it distinguishes dom0 from guests.
                line += &format!(",dom0={}", self.dom0_mem);
            }
            command.args(["-plugin", &line]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let log = File::create(&self.log)
            .with_context(|| format!("making the log {}", self.log.display()))?;
        let started = Instant::now();
        let child =
            command.spawn().with_context(|| format!("starting {}", host::describe(&command)))?;
        let mut machine = Machine(child);

        let (send, receive) = mpsc::channel();
        let stdout = machine.0.stdout.take().context("the emulator has no output")?;
        let stderr = machine.0.stderr.take().context("the emulator has no errors")?;
        pump(Port::Com1, stdout, send.clone());
        pump(Port::Errors, stderr, send.clone());
        accept(listener, send.clone());
        let mut session = Session {
            version: self.xen,
            log,
            payload,
            com1: Lines::default(),
            com2: Lines::default(),
            errors: String::new(),
            ending: None,
            stop_by: None,
            fault_lines: 0,
            emulator_fault: false,
            quit: send,
            stream: None,
            terminal,
            raw: false,
            watch,
        };
        let deadline = started + self.timeout;
        let mut detector = HangDetector::new(machine.0.id());
        let mut scratch = Some(scratch);
        loop {
            let until = session.stop_by.unwrap_or(deadline);
            let wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            match receive.recv_timeout(wait.min(HangDetector::INTERVAL)) {
                Ok(Message::Data(port, data)) => {
                    session.data(port, &data)?;
                    if port == Port::Com1 {
                        // The emulator has read it all; removed now, nothing is left behind if we
                        // are killed.
                        scratch = None;
                    }
                }
                Ok(Message::Connected(stream)) => session.stream = Some(stream),
                Ok(Message::Quit) => {
                    session.ending = Some(Ending::Quit);
                    break;
                }
                Ok(Message::Closed(Port::Com1)) => break,
                Ok(Message::Closed(_)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    if detector.hangs() {
                        session.ending = Some(Ending::StoodStill);
                        break;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        session.leave();
        drop(scratch);
        let ending = match session.ending {
            Some(ending) => ending,
            None if Instant::now() >= deadline => Ending::TimedOut,
            None => {
                if !session.errors.is_empty() {
                    bail!("the emulator stopped: {}", session.errors.trim());
                }
                Ending::Vanished
            }
        };
        Ok(Outcome { ending, elapsed: started.elapsed(), emulator_fault: session.emulator_fault })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    Com1,
    Com2,
    Errors,
}

enum Message {
    Data(Port, Vec<u8>),
    Connected(UnixStream),
    Closed(Port),
    Quit,
}

/// Forwards what a port says, until it closes.
fn pump(port: Port, mut from: impl Read + Send + 'static, to: Sender<Message>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 16384];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send(Message::Data(port, buffer[..n].to_vec())).is_err() {
                return;
            }
        }
        // The other side may have gone first.
        let _ = to.send(Message::Closed(port));
    });
}

/// Waits for the emulator's second serial port to connect, then forwards it.
fn accept(listener: UnixListener, to: Sender<Message>) {
    thread::spawn(move || {
        let Ok((stream, _)) = listener.accept() else { return };
        if let Ok(writer) = stream.try_clone()
            && to.send(Message::Connected(writer)).is_ok()
        {
            pump(Port::Com2, stream, to);
        }
    });
}

/// Forwards the user's keys to the payload's terminal, until Ctrl-].
fn keys(mut to: UnixStream, quit: Sender<Message>) {
    thread::spawn(move || {
        let mut buffer = [0; 256];
        while let Ok(n @ 1..) = io::stdin().lock().read(&mut buffer) {
            let end = buffer[..n].iter().position(|&b| b == QUIT);
            if to.write_all(&buffer[..end.unwrap_or(n)]).is_err() {
                return;
            }
            if end.is_some() {
                // The run may have ended by itself.
                let _ = quit.send(Message::Quit);
                return;
            }
        }
    });
}

/// State of a running boot.
struct Session<'a, 't> {
    /// Requested version.
    version: XenVersion,
    log: File,
    payload: bool,
    com1: Lines,
    com2: Lines,
    errors: String,
    ending: Option<Ending>,
    /// Time of a stop before the deadline.
    stop_by: Option<Instant>,
    /// Number of further lines in the report of a triple fault.
    fault_lines: u32,
    emulator_fault: bool,
    quit: Sender<Message>,
    stream: Option<UnixStream>,
    terminal: Option<&'t mut dyn Terminal>,
    /// The second serial port is the user's terminal now.
    raw: bool,
    watch: &'a mut dyn FnMut(Event<'_>) -> Progress,
}

impl Session<'_, '_> {
    fn data(&mut self, port: Port, data: &[u8]) -> Result<()> {
        match port {
            Port::Errors => self.errors.push_str(&String::from_utf8_lossy(data)),
            Port::Com1 => {
                for line in self.com1.push(data) {
                    self.line(Port::Com1, &line)?;
                }
            }
            Port::Com2 => {
                let mut rest = data;
                if self.raw {
                    let end = rest.iter().position(|&b| b == MARK);
                    let (screen, marks) = rest.split_at(end.unwrap_or(rest.len()));
                    let mut out = io::stdout().lock();
                    out.write_all(screen)?;
                    out.flush()?;
                    drop(out);
                    if end.is_some() {
                        self.leave();
                    }
                    rest = marks;
                }
                for line in self.com2.push(rest) {
                    self.line(Port::Com2, &line)?;
                }
            }
        }
        Ok(())
    }

    fn line(&mut self, port: Port, line: &str) -> Result<()> {
        writeln!(self.log, "{}", line.replace(char::from(MARK), ""))?;
        if let Some(mark) =
            line.strip_prefix(char::from(MARK)).and_then(|l| l.strip_prefix("TESTBED "))
        {
            self.see(Event::Mark(mark));
            return self.mark(mark);
        }
        match port {
            Port::Com1 => {
                // What another Xen does shows nothing.
                if let Some(found) = line.strip_prefix("(XEN) Xen version ") {
                    let asked = self.version;
                    ensure!(
                        found.starts_with(&format!("{asked}.")),
                        "Xen {asked} was to be booted, not {found}"
                    );
                }
                self.xen(line);
                self.see(Event::Xen(line));
            }
            _ => {
                self.emulator_fault |= has_impossible_flags(line);
                self.see(Event::Payload(line));
            }
        }
        Ok(())
    }

    /// Passes an event to the observer, which may end the boot.
    fn see(&mut self, event: Event<'_>) {
        if (self.watch)(event) == Progress::Complete && self.ending.is_none() {
            self.ending = Some(Ending::Exit(0));
            self.stop_by = Some(Instant::now());
        }
    }

    fn mark(&mut self, mark: &str) -> Result<()> {
        let mut words = mark.split(' ');
        match (words.next(), words.next()) {
            (Some("rc"), Some(code)) => {
                self.ending = Some(Ending::Exit(code.parse().unwrap_or(125)));
                self.stop_by = Some(Instant::now() + Duration::from_secs(1));
            }
            (Some("terminal"), _) => {
                if let (Some(terminal), Some(stream)) = (&mut self.terminal, &self.stream) {
                    terminal.enter()?;
                    self.raw = true;
                    keys(stream.try_clone()?, self.quit.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Searches a line of Xen's log for Xen's end and for the emulator's fault.
    fn xen(&mut self, line: &str) {
        // Xen reboots after a triple fault, as if dom0 had asked for it.
        let fault = line.contains("d0v") && line.contains("Triple fault");
        let crashed =
            fault || line.contains("Hardware Dom0 crashed") || line.contains("Panic on CPU");
        if crashed {
            self.ending = Some(Ending::Crashed);
        } else if line.contains("Hardware Dom0") && !self.payload && self.ending.is_none() {
            self.ending = Some(Ending::Exit(0));
        }
        // Xen would wait here for ever, or reboot; a panic is still being explained.
        if crashed || line.contains("Hardware Dom0") {
            self.stop_by =
                Some(Instant::now() + Duration::from_millis(if crashed { 700 } else { 100 }));
        }
        if line.contains("Triple fault") {
            self.fault_lines = 12;
        } else if self.fault_lines > 0 {
            self.fault_lines -= 1;
            self.emulator_fault |= line.contains("RIP:") && line.contains("e008:");
        }
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.raw)
            && let Some(terminal) = &mut self.terminal
        {
            terminal.leave();
        }
    }
}

/// Returns whether a line of a Linux guest's oops shows flags that no processor has: bits above
/// `ID`.
fn has_impossible_flags(line: &str) -> bool {
    let flags = line
        .split_once("EFLAGS: ")
        .and_then(|(_, flags)| u64::from_str_radix(flags.trim(), 16).ok());
    flags.is_some_and(|flags| flags >> 22 != 0)
}

/// Splitter of a byte stream into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, data: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(data);
        let Some(end) = self.0.iter().rposition(|&b| b == b'\n') else { return Vec::new() };
        let rest = self.0.split_off(end + 1);
        let whole = std::mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&whole).lines().map(|l| l.trim_matches('\r').to_owned()).collect()
    }
}

/// The emulator; it ends with its owner.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder for one boot, removed with its owner.
struct Scratch(TempDir);

impl Scratch {
    /// Makes it in the system's folder for temporary files, where the path of a socket is short.
    fn new() -> Result<Scratch> {
        Ok(Scratch(
            tempfile::Builder::new().prefix("xen-testbed-").tempdir().context("making a folder")?,
        ))
    }
}

/// Returns a path as text.
pub(super) fn path(path: &Path) -> Result<String> {
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("a path that is not UTF-8: {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_flags_are_the_emulators() {
        assert!(has_impossible_flags(
            "next: [   26.677349] RSP: 0018:ffffc9000001bc60 EFLAGS: 0596c206"
        ));
        assert!(!has_impossible_flags("[    1.5] RSP: 0018:ffffc9000001bc60 EFLAGS: 00210246"));
        assert!(!has_impossible_flags("EFLAGS"));
    }

    #[test]
    fn stream_in_pieces_becomes_lines() {
        let mut lines = Lines::default();
        assert!(lines.push(b"one").is_empty());
        assert_eq!(lines.push(b" line\r\ntwo\nth"), ["one line", "two"]);
        assert_eq!(lines.push(b"ree\n"), ["three"]);
    }
}
