//! The shell: takes lines, executes them, says how it went.

use crate::command::{self, Command};
use crate::commands::blk::Disks;
use crate::commands::net::Nics;
use crate::commands::power;
use crate::commands::{console, info, memory, time, xs};
use crate::editor::Editor;
use crate::error::Error;
use crate::management::Management;
use crate::net::{NetError, ping, tcp_echo, tcp_serve};
use crate::parse;
use crate::system::System;
use crate::terminal::{LineWriter, Terminal};
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;
use xen_guest::control::Watchdog;
use xen_guest::{ShutdownRequest, ShutdownWatcher};
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{Errno, Instant, Platform, Port};
use xen_sys::sched::ShutdownReason;

/// Prompt before the input, and before the commands of a script.
const PROMPT: &str = "$ ";

/// The longest single wait, for changes without an event.
const SLICE: Duration = Duration::from_millis(100);

/// Maximum time of the console's reader for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Result of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The commands that succeeded.
    pub ok: u32,
    /// The commands that failed.
    pub failed: u32,
}

/// A shell on a terminal, and the devices that its commands have connected so far.
#[derive(Debug)]
pub struct Shell<'a, P: Platform, T: Terminal> {
    system: System<'a, P>,
    terminal: T,
    disks: Disks<P>,
    nics: Nics<P>,
    watchdog: Option<Watchdog<P>>,
    /// Moment of the start.
    start: Instant,
    /// A command or dom0 has asked for the end.
    end: Option<ShutdownReason>,
    /// A command has asked for a soft reset, which is done at the prompt.
    is_reset: bool,
}

impl<'a, P: Platform, T: Terminal> Shell<'a, P, T> {
    /// Makes a shell for `system` that talks to `terminal`.
    pub fn new(system: System<'a, P>, terminal: T) -> Self {
        let start = system.platform.now();
        let (disks, nics) = (Disks::new(), Nics::new());
        Self { system, terminal, disks, nics, watchdog: None, start, end: None, is_reset: false }
    }

    /// Does what the kernel's command line says: executes the script of `run=`, or prompts. Returns
    /// how the domain is to end.
    pub fn boot(&mut self, command_line: &str) -> ShutdownReason {
        let run = match parse::boot_line(command_line) {
            Ok(boot) => {
                for word in boot.unknown {
                    self.say(format_args!(
                        "command line: found '{word}', expected run=\"CMD; CMD; ...\"; ignored\n"
                    ));
                }
                boot.run
            }
            Err(error) => {
                self.say(format_args!("error: command line: {error}\n"));
                None
            }
        };
        match run {
            Some(script) => {
                self.run(&script);
                self.end.unwrap_or(ShutdownReason::POWEROFF)
            }
            None => self.prompt(),
        }
    }

    /// Executes the commands of a script in order, up to one that ends the domain. Its last line
    /// returns the result.
    pub fn run(&mut self, script: &str) -> Tally {
        let mut tally = Tally::default();
        match parse::commands(script) {
            Ok(commands) => {
                for line in commands {
                    self.say(format_args!("{PROMPT}{line}\n"));
                    let done = self.execute(line);
                    tally.ok += u32::from(done);
                    tally.failed += u32::from(!done);
                    if self.end.is_some() {
                        break;
                    }
                }
            }
            Err(error) => {
                self.say(format_args!("error: run: {error}\n"));
                tally.failed += 1;
            }
        }
        self.say(format_args!("done OK={} FAILED={}\n", tally.ok, tally.failed));
        tally
    }

    /// Executes one line, prints its results, then `ok` or `error: ...`. Returns whether it
    /// succeeded. An empty line does.
    pub fn execute(&mut self, line: &str) -> bool {
        let result = match Command::parse(line) {
            Ok(None) => return true,
            Ok(Some(Command::Crash { dump })) => {
                if let Some((device, offset)) = dump {
                    let dumped = self
                        .disks
                        .get(&self.system, &device)
                        .and_then(|mut disk| disk.dump(&self.system.platform, offset));
                    match dumped {
                        Ok(()) => self.say(format_args!("dump written\n")),
                        Err(error) => self.say(format_args!("error: {error}\n")),
                    }
                }
                // There is no result to print afterwards.
                self.terminal.flush(self.system.platform.now() + FLUSH_TIMEOUT);
                (self.system.machine.crash)();
                self.end = Some(ShutdownReason::CRASH);
                return true;
            }
            Ok(Some(command)) => self.dispatch(&command),
            Err(error) => Err(error.into()),
        };
        match &result {
            Ok(()) => self.say(format_args!("ok\n")),
            Err(error) => self.say(format_args!("error: {error}\n")),
        }
        result.is_ok()
    }

    fn dispatch(&mut self, command: &Command) -> Result<(), Error> {
        let Self { system, terminal, disks, nics, watchdog, start, end, is_reset } = self;
        let out = &mut LineWriter::new(terminal);
        match command {
            Command::Info => info::info(system, out),
            Command::Mem => memory::print(system, out),
            Command::XsLs { path, recursive: false } => xs::ls(system.store()?, path, out),
            Command::XsLs { path, recursive: true } => xs::tree(system.store()?, path, out),
            Command::XsRead { path } => xs::read(system.store()?, path, out),
            Command::XsWrite { path, value } => xs::write(system.store()?, path, value),
            Command::XsRm { path } => xs::rm(system.store()?, path),
            Command::XsWatch { path, time } => xs::watch(system.store()?, path, *time, out),
            Command::BlkList => disks.list(system, out),
            Command::BlkSha256 { device, range } => disks.get(system, device)?.sha256(*range, out),
            Command::BlkFill { device, offset, len, byte } => {
                disks.get(system, device)?.fill(*offset, *len, *byte)
            }
            Command::BlkCopy { device, src, dst, len } => {
                disks.get(system, device)?.copy(*src, *dst, *len)
            }
            Command::BlkFlush { device } => disks.get(system, device)?.flush(),
            &Command::BlkDiscard { secure, ref device, offset, len } => {
                disks.get(system, device)?.discard(offset, len, secure)
            }
            Command::ConsoleWrite { number, text } => console::write(system, *number, text),
            &Command::NetUp { ref device, cidr, queues, headroom } => {
                nics.up(system, device, cidr, queues, headroom, out)
            }
            Command::NetHash { device, queues } => nics.hash(device, queues, out),
            Command::NetStatic { device, enabled } => nics.static_grants(device, *enabled, out),
            Command::NetMulticast { device, filtered } => nics.multicast(device, *filtered, out),
            Command::NetStat => nics.stat(out),
            Command::Ping { address, count } => {
                let pinged = nics.reaching(*address, |stack| ping(stack, *address, *count))?;
                Ok(writeln!(out, "{pinged}")?)
            }
            Command::TcpEcho { address, port, bytes, connections } => {
                let (echoed, result) = nics.reaching(*address, |stack| {
                    tcp_echo(stack, *address, *port, *bytes, *connections)
                })?;
                if let Err(error @ (NetError::Refused { .. } | NetError::NoAnswer { .. })) = result
                {
                    // There was no connection to report.
                    return Err(error.into());
                }
                writeln!(out, "{echoed}")?;
                Ok(result?)
            }
            Command::TcpServe { port, connections } => {
                let (served, result) = nics.first(|stack| tcp_serve(stack, *port, *connections))?;
                writeln!(out, "{served}")?;
                Ok(result?)
            }
            Command::Sleep { time } => {
                let until = system.platform.now() + *time;
                while system.platform.now() < until {
                    idle(system, disks, nics, watchdog, &[], until);
                }
                Ok(())
            }
            Command::Cpus => time::cpus(system, out),
            Command::Date { set } => time::date(system, *set, out),
            Command::Uptime => time::uptime(system, *start, out),
            Command::Top => time::top(system, out),
            Command::Watchdog { time } => {
                // The one before stops first: there are two at most.
                *watchdog = None;
                if !time.is_zero() {
                    let (xen, now) = (system.platform.clone(), system.platform.now());
                    let started = Watchdog::start(xen, *time, now);
                    let call = "watchdog";
                    *watchdog = Some(started.map_err(|errno| Error::Xen { call, errno })?);
                }
                Ok(())
            }
            Command::Hang => loop {
                core::hint::spin_loop();
            },
            Command::Help => Ok(command::help(out)?),
            Command::Poweroff => {
                *end = Some(ShutdownReason::POWEROFF);
                Ok(())
            }
            Command::Reboot => {
                *end = Some(ShutdownReason::REBOOT);
                Ok(())
            }
            Command::SoftReset => {
                *is_reset = true;
                Ok(())
            }
            // Handled by the caller: there is no way back from it.
            Command::Crash { .. } => Ok(()),
        }
    }

    /// Takes lines from the terminal until one of them, or dom0, ends the domain. Returns how.
    pub fn prompt(&mut self) -> ShutdownReason {
        // Without xenstore or its node the toolstack can't request a shutdown.
        let supported = power::supported(self.system.kernel.can_suspend);
        let mut watcher = self
            .system
            .store
            .as_ref()
            .and_then(|store| ShutdownWatcher::new(store, supported).ok());
        let mut management = Management::new(&self.system);
        let mut editor = Editor::new();
        self.say(format_args!("'help' lists the commands\n{PROMPT}"));
        loop {
            while let Some(line) = self.typed(&mut editor) {
                self.execute(&line);
                if let Some(reason) = self.end {
                    return reason;
                }
                self.say(format_args!("{PROMPT}"));
            }
            if let Some(watcher) = &mut watcher {
                let request = watcher.poll().ok().flatten();
                let is_reset = core::mem::take(&mut self.is_reset);
                let is_suspend = management.take_suspend(&self.system) || is_reset;
                if let Some(request) = request {
                    self.say(format_args!("\nasked for: {request}\n"));
                }
                if let Some(reason) = request.and_then(ShutdownRequest::reason) {
                    return reason;
                }
                if request.is_some() || is_suspend {
                    if let Err(error) = self.suspend(watcher, &mut management, is_reset) {
                        self.say(format_args!("error: {error}\n"));
                    }
                    self.say(format_args!("{PROMPT}"));
                }
            }
            if let Some(reason) = self.manage(&mut management) {
                return reason;
            }
            let until = self.system.platform.now() + SLICE;
            let Self { system, terminal, disks, nics, watchdog, .. } = self;
            idle(system, disks, nics, watchdog, &[terminal.port(), management.port()], until);
        }
    }

    /// Serves the requests of the toolstack that are pending. Returns the end of the domain, if one
    /// was that.
    fn manage(&mut self, management: &mut Management<P>) -> Option<ShutdownReason> {
        loop {
            let mut text = alloc::string::String::new();
            // A store that cannot be read now has the request later.
            let (is_served, end) = management.poll(&self.system, &mut text).unwrap_or_default();
            if !text.is_empty() {
                self.say(format_args!("\n{text}{PROMPT}"));
            }
            if end.is_some() || !is_served {
                return end;
            }
        }
    }

    /// Takes what was typed so far. Returns a line once it has ended.
    fn typed(&mut self, editor: &mut Editor) -> Option<alloc::string::String> {
        let mut echo = alloc::string::String::new();
        let mut line = None;
        while line.is_none()
            && let Some(byte) = self.terminal.read()
        {
            // Writing to a string can't fail.
            line = editor.push(byte, &mut echo).ok().flatten();
        }
        if !echo.is_empty() {
            let _ = self.terminal.write_str(&echo);
        }
        line
    }

    /// Suspends the domain or resets it softly, and resumes all services and devices if it
    /// continues as another domain.
    fn suspend(
        &mut self,
        watcher: &mut ShutdownWatcher<P>,
        management: &mut Management<P>,
        is_reset: bool,
    ) -> Result<(), Error> {
        if is_reset {
            // The toolstack removes the devices and adds new ones.
            self.close();
        }
        let Self { system, terminal, disks, nics, watchdog, .. } = self;
        let grants = system.grants()?;
        // What its reader has not taken stays in the old ring.
        terminal.flush(system.platform.now() + FLUSH_TIMEOUT);
        let kernel = if is_reset { system.kernel.soft_reset } else { system.kernel.suspend };
        if watcher.suspend(|| kernel(&system.platform))? == SuspendOutcome::Cancelled {
            return Ok(writeln!(terminal, "suspended, and resumed as the same domain")?);
        }
        terminal.resume();
        watcher.resume(grants)?;
        management.resume(system);
        if let Some(watchdog) = watchdog {
            let now = system.platform.now();
            let call = "watchdog";
            watchdog.resume(now).map_err(|errno| Error::Xen { call, errno })?;
        }
        let stopped = if is_reset { "reset softly" } else { "suspended" };
        writeln!(terminal, "{stopped}, and resumed as another domain")?;
        let mut out = LineWriter::new(terminal);
        disks.resume(&system.platform, &mut out);
        nics.resume(&mut out);
        Ok(())
    }

    /// Closes all devices, so that their backends release them, and waits until the console has
    /// taken all text.
    pub fn close(&mut self) {
        let mut out = LineWriter::new(&mut self.terminal);
        self.nics.close(&mut out);
        self.disks.close(&self.system.platform, &mut out);
        drop(out);
        self.terminal.flush(self.system.platform.now() + FLUSH_TIMEOUT);
    }

    /// Closes all devices and ends the domain. Returns only if Xen refuses.
    pub fn shutdown(&mut self, reason: ShutdownReason) -> Errno {
        self.close();
        let errno = power::shutdown(&self.system.platform, reason);
        self.say(format_args!("error: shutdown: Xen refused: {errno}\n"));
        errno
    }

    /// Writes at once, because each piece is a notification to the console's reader.
    fn say(&mut self, text: core::fmt::Arguments<'_>) {
        // If the terminal is gone, no output is possible.
        let _ = match text.as_str() {
            Some(text) => self.terminal.write_str(text),
            None => self.terminal.write_str(&alloc::format!("{text}")),
        };
    }
}

/// Waits for the next event, and lets the devices follow their backends.
fn idle<P: Platform>(
    system: &mut System<'_, P>,
    disks: &mut Disks<P>,
    nics: &mut Nics<P>,
    watchdog: &mut Option<Watchdog<P>>,
    ports: &[Option<Port>],
    until: Instant,
) {
    let now = system.platform.now();
    // Xen refuses no watchdog that has not expired.
    let next = watchdog.as_mut().and_then(|watchdog| watchdog.poll(now).ok());
    disks.poll(&system.platform);
    nics.poll();
    if nics.before_wait() {
        return;
    }
    // Without xenstore there is no target to follow; the commands report that.
    let memory = system.memory.as_mut().and_then(|memory| {
        let _ = memory.poll(now);
        memory.poll_timeout(now)
    });
    let ports: Vec<Port> = ports
        .iter()
        .flatten()
        .copied()
        .chain(system.store.as_ref().map(|store| store.port()))
        .chain(nics.ports())
        .collect();
    let slice = now + SLICE;
    let deadline = [until, slice].into_iter().chain(next).chain(memory).min();
    system.platform.wait(&ports, deadline);
}
