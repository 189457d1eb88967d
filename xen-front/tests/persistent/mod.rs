//! Peers that write without end, and deadlines that these must not extend.

use core::time::Duration;
use xen_hypercall::Platform;
use xen_sim::{Domain, Step, World};

/// Runs `wait`, which is to return within `limit`, while the control domain calls `write` each
/// `period`.
///
/// The writer stops after a hundred times the limit, so that a wait that it extends fails the test
/// instead of hanging it.
pub(crate) fn while_peer_writes<R>(
    world: &World,
    limit: Duration,
    period: Duration,
    mut write: impl FnMut(u32) + Send + 'static,
    wait: impl FnOnce() -> R,
) -> R {
    let start = world.now();
    let (mut round, mut next) = (0, start);
    let writer = world.dom0().spawn(move |dom0: &Domain| {
        if dom0.now() > start + 100 * limit {
            return Step::Done;
        }
        // Other work of the domain also runs this task.
        if dom0.now() >= next {
            write(round);
            round += 1;
            next = dom0.now() + period;
        }
        Step::Sleep(next)
    });
    let result = wait();
    let end = world.now();
    world.dom0().stop(writer);
    assert!(end <= start + limit, "took {:?}", end.saturating_duration_since(start));
    result
}
