//! The core of the host for each emulator.

use std::fs;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns a core for one emulator, of those that this process may use: the one with the fewest
/// processes that are bound to it, such as the emulators of other commands; of those, each time the
/// next one.
pub(super) fn next() -> usize {
    static NEXT: LazyLock<AtomicUsize> =
        LazyLock::new(|| AtomicUsize::new(std::process::id() as usize));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cores = cores(allowed(&status));
    let bound: Vec<_> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("status")).ok())
        .filter_map(|status| bound_to(&status))
        .collect();
    let turn = NEXT.fetch_add(1, Ordering::Relaxed) % cores.len().max(1);
    let (before, after) = cores.split_at(turn);
    let load = |core: &&usize| bound.iter().filter(|bound| bound == core).count();
    after.iter().chain(before).min_by_key(load).copied().unwrap_or(0)
}

/// Returns the cores that a process may use, as its `status` has them.
fn allowed(status: &str) -> &str {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.unwrap_or_default().trim()
}

/// Returns the core that a process is bound to. Threads of the host's kernel, many of which are,
/// have no memory of their own and do not count.
fn bound_to(status: &str) -> Option<usize> {
    status.contains("\nVmSize:").then(|| allowed(status).parse().ok()).flatten()
}

/// Reads a list such as `0-2,5`.
fn cores(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_list_has_ranges() {
        assert_eq!(cores("0-2,5"), [0, 1, 2, 5]);
        assert_eq!(cores("7"), [7]);
        assert!(cores("").is_empty());
    }

    #[test]
    fn bound_process_counts_for_its_core() {
        let status = |cores, memory| format!("Name:\tx\n{memory}Cpus_allowed_list:\t{cores}\n");
        assert_eq!(bound_to(&status("3", "VmSize:\t9 kB\n")), Some(3));
        assert_eq!(bound_to(&status("0-3", "VmSize:\t9 kB\n")), None);
        assert_eq!(bound_to(&status("3", "")), None, "a thread of the kernel");
    }

    #[test]
    fn core_is_one_of_the_own() {
        let own = cores(allowed(&fs::read_to_string("/proc/self/status").unwrap()));
        let found: Vec<_> = own.iter().map(|_| next()).collect();
        assert!(found.iter().all(|core| own.contains(core)), "{found:?} of {own:?}");
    }
}
