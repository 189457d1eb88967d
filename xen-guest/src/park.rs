//! Parking of vCPUs: all but one stand still while the domain is suspended.

use xen_hypercall::sync::{AtomicBool, AtomicU32, Ordering, spin_loop};

/// Meeting point of the vCPUs that stand still during a suspend.
///
/// Each vCPU but the one that suspends calls [`park_if_requested`](Self::park_if_requested) at the
/// end of each upcall. A kernel keeps one value in a static.
#[derive(Debug, Default)]
pub struct VcpuPark {
    requested: AtomicBool,
    parked: AtomicU32,
}

impl VcpuPark {
    /// Creates a park without a request.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self { requested: AtomicBool::new(false), parked: AtomicU32::new(0) }
    }

    /// Creates a park without a request.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests all other vCPUs to park. The caller sends each one an event, which orders the
    /// request before the upcall.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Returns the number of parked vCPUs.
    pub fn parked(&self) -> u32 {
        self.parked.load(Ordering::Acquire)
    }

    /// Ends the request, and waits until every vCPU has left, with `relax` called in between.
    pub fn release(&self, mut relax: impl FnMut()) {
        self.requested.store(false, Ordering::Release);
        while self.parked() > 0 {
            relax();
        }
    }

    /// Stands still while a request is pending, then calls `resume`.
    ///
    /// Call it with interrupts off at the end of an upcall, not within the dispatch: the event
    /// words may be others afterwards. The vCPU that suspends must not call it.
    pub fn park_if_requested(&self, resume: impl FnOnce()) {
        if !self.requested.load(Ordering::Relaxed) {
            return;
        }
        self.parked.fetch_add(1, Ordering::Release);
        while self.requested.load(Ordering::Acquire) {
            spin_loop();
        }
        resume();
        self.parked.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn no_vcpu_parks_without_request() {
        VcpuPark::new().park_if_requested(|| unreachable!());
    }

    #[test]
    fn release_waits_for_resume_of_each() {
        let (park, resumed) = (VcpuPark::new(), AtomicU32::new(0));
        park.request();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    park.park_if_requested(|| {
                        resumed.fetch_add(1, Ordering::AcqRel);
                    });
                });
            }
            while park.parked() < 2 {
                thread::yield_now();
            }
            assert_eq!(resumed.load(Ordering::Acquire), 0);
            park.release(thread::yield_now);
            assert_eq!((resumed.load(Ordering::Acquire), park.parked()), (2, 0));
        });
    }
}
