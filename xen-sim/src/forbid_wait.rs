//! Detection of waits in code that must not block.

use crate::{Call, Interpose};
use core::sync::atomic::{AtomicBool, Ordering};
use xen_hypercall::Port;
use xen_sys::sched::{SCHEDOP_BLOCK, SCHEDOP_POLL, SCHEDOP_YIELD};
use xen_sys::xen::HYPERVISOR_SCHED_OP;

/// Panics when a driver waits while waits are forbidden: in `Platform::wait`, or in a hypercall
/// that blocks or yields.
///
/// Together with [`Store::set_stopped`](crate::Store::set_stopped) it shows that a `poll` does not
/// wait for xenstored. Waits are allowed until the first [`set`](Self::set), so that a test can
/// connect its drivers.
///
/// ```
/// use std::sync::Arc;
/// use xen_hypercall::boot;
/// use xen_sim::{DomainConfig, ForbidWait, Interposed, World};
/// use xen_store::XenStore;
///
/// let world = World::new(1);
/// let waits = Arc::<ForbidWait>::default();
/// let guest = Interposed::new(world.create_guest(DomainConfig::new("guest")), waits.clone());
/// let store = XenStore::new(guest.clone(), boot::xenstore_ring(guest).unwrap()).unwrap();
///
/// world.store().set_stopped(true);
/// waits.set(true);
/// store.poll().unwrap();
/// ```
#[derive(Debug, Default)]
pub struct ForbidWait {
    forbidden: AtomicBool,
}

impl ForbidWait {
    /// Forbids waits, or allows them again.
    pub fn set(&self, forbidden: bool) {
        self.forbidden.store(forbidden, Ordering::Relaxed);
    }

    fn check(&self, what: impl FnOnce() -> String) {
        assert!(!self.forbidden.load(Ordering::Relaxed), "{} while waits are forbidden", what());
    }
}

impl Interpose for ForbidWait {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        if call.op == HYPERVISOR_SCHED_OP
            && matches!(call.command(), SCHEDOP_BLOCK | SCHEDOP_POLL | SCHEDOP_YIELD)
        {
            self.check(|| format!("sched_op {} was issued", call.command()));
        }
        None
    }

    fn ends_wait(&self, ports: &[Port]) -> bool {
        self.check(|| format!("a driver waited for {ports:?}"));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DomainConfig, Interposed, World};
    use core::time::Duration;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use xen_hypercall::{Platform, boot, ops};
    use xen_store::XenStore;

    type Guest = Interposed<crate::Domain, ForbidWait>;

    fn guest(world: &World) -> (Guest, Arc<ForbidWait>) {
        let waits = Arc::<ForbidWait>::default();
        let guest = world.create_guest(DomainConfig::new("guest"));
        (Interposed::new(guest, Arc::clone(&waits)), waits)
    }

    fn panics(action: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(action)).is_err()
    }

    #[test]
    fn wait_panics_while_forbidden() {
        let world = World::new(1);
        let (guest, waits) = guest(&world);
        let wait = || guest.wait(&[], Some(guest.now() + Duration::from_secs(1)));
        let poll = || ops::sched::poll(&guest, &[], Some(guest.now())).unwrap();
        wait();
        waits.set(true);
        assert!(panics(wait) && panics(poll) && panics(|| ops::sched::yield_now(&guest)));
        waits.set(false);
        assert!(!panics(wait) && !panics(poll));
    }

    #[test]
    fn stopped_store_is_polled_without_wait() {
        let world = World::new(1);
        let (guest, waits) = guest(&world);
        let store =
            XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
        world.store().set_stopped(true);
        waits.set(true);
        let pending = store.begin_read("name").unwrap();
        for _ in 0..3 {
            world.run_until_idle();
            assert!(pending.try_finish(&mut [0; 8]).is_none(), "the server is stopped");
        }
        world.store().set_stopped(false);
        world.run_until_idle();
        assert!(matches!(pending.try_finish(&mut [0; 8]), Some(Ok(5))));
    }
}
