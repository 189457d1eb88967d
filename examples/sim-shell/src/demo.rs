//! The demonstration: the script, and what is compared afterwards. The same as on real Xen.

use crate::testbed::{Setup, Testbed};
use crate::{SharedDisk, Xen, run_shell};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use xen_hypercall::Errno;
use xen_hypercall::ops::sched::SuspendOutcome;

/// Command line of the guest's kernel.
pub const SCRIPT: &str = "info; xs ls -r device; xs write data/greeting hello; blk list; \
    blk sha256 xvda; blk fill xvda 4096 65536 165; blk flush xvda; net up eth0 10.0.0.2/24; \
    ping 10.0.0.1 5; tcp-echo 10.0.0.1 7000 1048576; sleep 1000";

/// The disk's size.
pub const DISK: usize = 16 << 20;

/// The guest's RAM, as its memory map has it.
const MEMORY: u64 = 16 << 20;

/// One comparison of found and expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Name of the comparison.
    pub name: &'static str,
    /// Found value.
    pub found: String,
    /// Expected value; at the end of an answer the rest does not count.
    pub expected: String,
    /// `true` if both agree.
    pub ok: bool,
}

/// Returns a digest in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Returns a guest's console as lines.
pub fn lines(console: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(console)
        .lines()
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect()
}

/// Returns what the guest printed for a command, its lines joined by ` / `; empty if it never came
/// to it.
pub fn answer(console: &[String], command: &str) -> String {
    let shown = console.iter().skip_while(|line| line.strip_prefix("$ ") != Some(command)).skip(1);
    let answer = shown.take_while(|line| !line.starts_with("$ ") && !line.starts_with("done "));
    answer.cloned().collect::<Vec<_>>().join(" / ")
}

/// Runs the script in the guest of a testbed.
///
/// # Errors
///
/// What kept the guest from starting, in words.
pub fn run(testbed: &Testbed) -> Result<(), String> {
    run_shell(testbed.guest.clone(), MEMORY, &format!("run=\"{SCRIPT}\""), no_suspend).map(drop)
}

/// Runs the guest's prompt until the user ends it.
///
/// # Errors
///
/// What kept the guest from starting, in words.
pub fn prompt(testbed: &Testbed) -> Result<(), String> {
    run_shell(testbed.guest.clone(), MEMORY, "", no_suspend).map(drop)
}

/// Does nothing: the demonstration has no suspend.
fn no_suspend(_: &Xen) -> Result<SuspendOutcome, Errno> {
    Err(Errno::ENOSYS)
}

/// Creates the testbed of the demonstration, whose disk is `disk` or else one of random content.
///
/// # Errors
///
/// Those of [`Testbed::new`].
pub fn testbed(
    seed: u64,
    disk: Option<SharedDisk>,
    trace: bool,
) -> Result<(Testbed, SharedDisk), String> {
    let disk = disk.unwrap_or_else(|| SharedDisk::noise(seed ^ 0x5eed, DISK));
    Ok((Testbed::new(Setup { trace, ..Setup::new(seed, disk.clone()) })?, disk))
}

/// Compares what the guest has said and done with what it should; `before` is the disk's digest at
/// the start.
pub fn compare(testbed: &Testbed, disk: &SharedDisk, before: &str) -> Vec<Check> {
    let guest = testbed.guest.inner().id();
    let console = lines(&testbed.world.console_output(guest));
    let answer = |command| answer(&console, command);
    let digest = answer("blk sha256 xvda").split(' ').nth(4).unwrap_or_default().to_owned();
    let greeting = testbed.world.store().read(format!("/local/domain/{guest}/data/greeting"));
    let done = console.iter().find(|line| line.starts_with("done ")).cloned();
    let check = |name, found: String, expected: &str| {
        let ok = found == expected;
        Check { name, found, expected: expected.to_owned(), ok }
    };
    let ends = |name, found: String, expected: &str| {
        let ok = found.ends_with(expected);
        Check { name, found, expected: format!("*{expected}"), ok }
    };
    vec![
        check("the disk's digest is dom0's", digest, before),
        check(
            "what the guest wrote is on the disk",
            disk.look(|bytes| sha256(bytes.get(4096..4096 + 65536).unwrap_or_default())),
            &sha256(&[165; 65536]),
        ),
        check("its xenstore node was readable in dom0", greeting.unwrap_or_default(), "hello"),
        ends("ping", answer("ping 10.0.0.1 5"), "received=5 / ok"),
        ends(
            "1 MiB over TCP and back",
            answer("tcp-echo 10.0.0.1 7000 1048576"),
            "mismatches=0 / ok",
        ),
        check("all commands succeeded", done.unwrap_or_default(), "done OK=11 FAILED=0"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_is_that_of_real_xen() {
        let payload = include_str!("../../../xtask/payload/demo.sh");
        assert!(payload.contains(&format!("start shell \"{SCRIPT}\"")));
        for name in
            ["the disk's digest is dom0's", "1 MiB over TCP and back", "done OK=11 FAILED=0"]
        {
            assert!(payload.contains(name), "{name}");
        }
    }

    #[test]
    fn answer_ends_at_next_command() {
        let console = lines(b"hello\r\n$ a b\r\none\r\nok\r\n$ c\r\nok\r\ndone OK=2 FAILED=0\r\n");
        assert_eq!(answer(&console, "a b"), "one / ok");
        assert_eq!(answer(&console, "c"), "ok");
        assert_eq!(answer(&console, "d"), "");
    }
}
