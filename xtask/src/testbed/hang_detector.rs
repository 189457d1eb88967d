//! Detection of an emulator that hangs: Xen sets its clock once a second, so a running machine
//! never sleeps for long.
//!
//! TCG's emulation of SVM can lose an interrupt when the device threads and the processor thread
//! run at the same time. If the interrupt is that of Xen's timer and Xen is idle, Xen stays in
//! `hlt`: interrupts are enabled, the timer's is pending at the local APIC, and every thread
//! sleeps.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time without activity after which an emulator hangs: above the delays of a busy host.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Activity of the threads of a process.
pub(super) struct HangDetector {
    tasks: PathBuf,
    seen: Vec<String>,
    since: Instant,
}

impl HangDetector {
    /// Time between two checks.
    pub(super) const INTERVAL: Duration = Duration::from_secs(5);

    pub(super) fn new(process: u32) -> HangDetector {
        HangDetector {
            tasks: format!("/proc/{process}/task").into(),
            seen: Vec::new(),
            since: Instant::now(),
        }
    }

    /// Returns whether no thread has run for a long time; always `false` on a host without the
    /// counters.
    pub(super) fn hangs(&mut self) -> bool {
        let now = self.read();
        if now.is_empty() || now != self.seen {
            self.seen = now;
            self.since = Instant::now();
        }
        self.since.elapsed() >= TIMEOUT
    }

    /// Reads the time that each thread has run, in nanoseconds, and has waited to.
    fn read(&self) -> Vec<String> {
        let Ok(tasks) = fs::read_dir(&self.tasks) else { return Vec::new() };
        let mut times: Vec<_> = tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .collect();
        times.sort_unstable();
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_process_does_not_hang() {
        let mut own = HangDetector::new(std::process::id());
        let first = own.read();
        assert!(!own.hangs());
        while own.read() == first {
            std::hint::black_box(vec![0; 1 << 16]);
        }
        let mut none = HangDetector::new(u32::MAX);
        none.since -= TIMEOUT;
        assert!(!none.hangs());
    }

    #[test]
    fn idle_process_hangs() {
        let dir = std::env::temp_dir().join(format!("xen-testbed-tasks-{}", std::process::id()));
        fs::create_dir_all(dir.join("1")).unwrap();
        fs::write(dir.join("1/schedstat"), "5 6 7").unwrap();
        let mut detector =
            HangDetector { tasks: dir.clone(), seen: Vec::new(), since: Instant::now() };
        assert!(!detector.hangs());
        detector.since -= TIMEOUT;
        assert!(detector.hangs());
        fs::write(dir.join("1/schedstat"), "6 6 7").unwrap();
        assert!(!detector.hangs());
        fs::remove_dir_all(dir).unwrap();
    }
}
