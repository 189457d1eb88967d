//! What a guest's kernel does when it is suspended.

use xen_example_sim_shell::Xen;
use xen_grant::GrantTable;
use xen_hypercall::ops::sched::{Resumed, suspend};
use xen_store::{Nodes, XenStore};

/// What may go wrong before the domain has stopped, and what after it has gone on.
const TRIES: u32 = 4;

/// Says that it understands what the toolstack asks for, and suspends the domain.
///
/// Every step is tried a few times, as one of them may fail once.
pub(crate) fn sleep(xen: &Xen, store: &XenStore<Xen>, grants: &GrantTable<Xen>) -> Resumed {
    assert_eq!(try_hard("reading the request", || store.read_string::<16>("control/shutdown")), "suspend");
    try_hard("taking the request", || store.write("control/shutdown", ""));
    try_hard("suspending the store", || store.suspend());
    // SAFETY: the guest has one vCPU and no interrupts, and uses nothing of before but what is resumed below, and the devices, which
    // the caller resumes.
    let resumed = try_hard("suspending the domain", || unsafe { suspend(xen) });
    match resumed {
        Resumed::Cancelled => store.resume(),
        Resumed::Elsewhere => {
            try_hard("resuming the grant table", || grants.resume());
            try_hard("resuming the store", || store.resume_elsewhere());
        }
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
