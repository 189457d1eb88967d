//! Suspend sequence of a guest's kernel.

use xen_example_sim_shell::Xen;
use xen_grant::GrantTable;
use xen_guest::{ShutdownRequest, ShutdownWatcher};
use xen_hypercall::ops::sched::{self, SuspendOutcome};
use xen_store::XenStore;

/// Tries of a step: enough for the faults before the domain has stopped and after it continues.
const TRIES: u32 = 4;

/// Receives the toolstack's request, and suspends the domain.
///
/// Every step is tried a few times, as one of them may fail once.
pub(crate) fn sleep(xen: &Xen, store: &XenStore<Xen>, grants: &GrantTable<Xen>) -> SuspendOutcome {
    let mut watcher =
        try_hard("watching", || ShutdownWatcher::new(store, &[ShutdownRequest::Suspend]));
    assert_eq!(
        try_hard("receiving the request", || watcher.poll()),
        Some(ShutdownRequest::Suspend)
    );
    // SAFETY: the guest has one vCPU and no interrupts, and uses nothing of before but what is
    // resumed below, and the devices, which the caller resumes.
    let resumed = try_hard("suspending", || watcher.suspend(|| unsafe { sched::suspend(xen) }));
    if resumed == SuspendOutcome::Resumed {
        try_hard("resuming", || watcher.resume(grants));
    }
    resumed
}

fn try_hard<T, E: core::fmt::Display>(what: &str, mut step: impl FnMut() -> Result<T, E>) -> T {
    let mut tries = 1;
    loop {
        match step() {
            Ok(done) => return done,
            Err(error) if tries == TRIES => panic!("{what}: {error}"),
            Err(_) => tries += 1,
        }
    }
}
