//! The emulator without Xen: a kernel by the PVH loader of QEMU.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Arch;
use super::qemu::Emulator;

/// The emulator, which a drop ends.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots `kernel` with a command line and a module, and returns its lines on the serial port, up to
/// the first one that starts with `last`, or until the timeout.
pub(crate) fn without_xen(
    kernel: &Path,
    append: &str,
    module: &Path,
    last: &str,
    timeout: Duration,
) -> Result<Vec<String>> {
    let mut command = Emulator::get(Arch::X86_64)?.command()?;
    command
        .args(["-accel", "tcg,thread=single", "-m", "128", "-display", "none", "-nic", "none"])
        .args(["-no-reboot", "-serial", "stdio", "-append", append])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(module)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut machine = Machine(command.spawn().context("starting the emulator")?);
    let output = machine.0.stdout.take().context("the emulator has no output")?;
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
        for line in lines {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let deadline = Instant::now() + timeout;
    let mut lines = Vec::new();
    while let Ok(line) = receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        let is_last = line.starts_with(last);
        lines.push(line);
        if is_last {
            break;
        }
    }
    Ok(lines)
}
