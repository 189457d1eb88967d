//! Services of a guest kernel: clock, timer, balloon, and resume.

use crate::marks::{mark_begin, mark_end, mark_handler};
use crate::report;
use alloc::boxed::Box;
use core::error::Error as AnyError;
use core::hint::black_box;
use core::time::Duration;
use xen_front::DmaBuffer;
use xen_front::block::{BlkFront, DeviceState};
use xen_grant::GrantTable;
use xen_guest::{Balloon, ShutdownRequest, ShutdownWatcher};
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{Instant, Platform};
use xen_kernel_bench::case::Service;
use xen_kernel_bench::net::Link;
use xen_kernel_bench::{Error, block};
use xen_kernel_rt::Rt;
use xen_store::XenStore;

/// Time of a sleep, and sleeps that are not counted.
const TICK: Duration = Duration::from_millis(1);
const WARM_UP: u64 = 16;

/// Time for the toolstack to act, and for what follows.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Time in which the process of dom0 that wrote the target ends.
const QUIET: Duration = Duration::from_millis(300);

/// Pages of a MiB.
const MIB: u64 = 256;

/// Devices and services of the domain.
pub(crate) struct Guest<'a> {
    pub(crate) xen: Rt,
    pub(crate) store: &'a XenStore<Rt>,
    pub(crate) grants: &'a GrantTable<Rt>,
    pub(crate) disk: &'a mut BlkFront<Rt, DmaBuffer<Rt>>,
    pub(crate) link: &'a mut Link<Rt>,
    pub(crate) balloon: &'a mut Balloon<Rt>,
}

impl Guest<'_> {
    /// Measures `count` operations of a service.
    pub(crate) fn measure(
        &mut self,
        index: usize,
        service: Service,
        count: u64,
    ) -> Result<(), Box<dyn AnyError>> {
        match service {
            Service::Clock => clock(self.xen, index, count),
            Service::Timer => timer(self.xen, index, count),
            Service::BalloonDown => self.balloon(index, count, false)?,
            Service::BalloonUp => self.balloon(index, count, true)?,
            Service::Resume => self.resume()?,
        }
        Ok(())
    }

    /// Follows a target that dom0 sets.
    fn balloon(&mut self, index: usize, mib: u64, is_up: bool) -> Result<(), Box<dyn AnyError>> {
        let Self { xen, store, .. } = *self;
        let pages = mib * MIB;
        let start = self.balloon.statistics().current;
        let expected = if is_up { start + pages } else { start.saturating_sub(pages) };
        let peer = self.link.peer()?;
        let watch = store.watch("memory/target")?;
        let deadline = xen.now() + TIMEOUT;
        // The first event is that of a new watch.
        for awaited in [false, true] {
            if awaited {
                self.link.notify(peer)?;
            }
            while !watch.try_clear()? {
                if xen.now() >= deadline {
                    return Err(Error::Balloon { found: start, expected }.into());
                }
                store.wait(deadline);
            }
        }
        let quiet = xen.now() + QUIET;
        while xen.now() < quiet {
            xen.sleep_unless(Some(quiet), || false);
        }
        let begin = xen.now();
        mark_begin();
        self.follow(expected, deadline)?;
        mark_end();
        report(index, pages, xen.now().saturating_duration_since(begin));
        Ok(())
    }

    /// Polls the balloon until it has `expected` pages.
    fn follow(&mut self, expected: u64, deadline: Instant) -> Result<(), Box<dyn AnyError>> {
        loop {
            let now = self.xen.now();
            self.balloon.poll(now)?;
            let found = self.balloon.statistics().current;
            if found == expected {
                return Ok(());
            }
            if now >= deadline {
                return Err(Error::Balloon { found, expected }.into());
            }
            let next = self.balloon.poll_timeout(now).unwrap_or(deadline);
            if next > now {
                self.store.wait(next.min(deadline));
            }
        }
    }

    /// Suspends the domain when the toolstack requests it, and continues elsewhere until dom0 has
    /// a datagram, sent after a read of the disk. Dom0 measures.
    fn resume(&mut self) -> Result<(), Box<dyn AnyError>> {
        let Self { xen, store, grants, .. } = *self;
        let peer = self.link.peer()?;
        let mut watcher = ShutdownWatcher::new(store, &[ShutdownRequest::Suspend])?;
        self.link.notify(peer)?;
        let deadline = xen.now() + TIMEOUT;
        while watcher.poll()? != Some(ShutdownRequest::Suspend) {
            if xen.now() >= deadline {
                return Err(Error::NoSuspend.into());
            }
            store.wait(deadline);
        }
        if watcher.suspend(|| xen.suspend())? == SuspendOutcome::Cancelled {
            return Err(Error::Cancelled.into());
        }
        watcher.resume(grants)?;
        self.disk.resume();
        self.link.net.resume();
        self.reconnect(xen.now() + TIMEOUT)?;
        block::read_first(self.disk, |port| xen.wait(&[port], None))?;
        Ok(self.link.notify_until_answered(peer)?)
    }

    /// Connects both devices, each as far as its backend is.
    fn reconnect(&mut self, deadline: Instant) -> Result<(), Box<dyn AnyError>> {
        loop {
            let now = self.xen.now();
            let disk = self.disk.poll(now)?;
            let link = self.link.net.poll(now)?;
            if disk == DeviceState::Connected && link == DeviceState::Connected {
                return Ok(());
            }
            if now >= deadline {
                let state = if disk == DeviceState::Connected { link } else { disk };
                return Err(Error::Timeout(state).into());
            }
            let next = [self.disk.poll_timeout(now), self.link.net.poll_timeout(now)];
            self.store.wait(next.into_iter().flatten().fold(deadline, Instant::min));
        }
    }
}

/// Creates the balloon, and waits until it has the domain's present target.
pub(crate) fn balloon(xen: Rt, store: &XenStore<Rt>) -> Result<Balloon<Rt>, Box<dyn AnyError>> {
    let mut balloon = xen.balloon(store)?;
    let deadline = xen.now() + TIMEOUT;
    loop {
        let now = xen.now();
        balloon.poll(now)?;
        let statistics = balloon.statistics();
        if statistics.targets > 0 && statistics.current == statistics.target {
            return Ok(balloon);
        }
        if now >= deadline {
            let (found, expected) = (statistics.current, statistics.target);
            return Err(Error::Balloon { found, expected }.into());
        }
        let next = balloon.poll_timeout(now).unwrap_or(deadline);
        if next > now {
            store.wait(next.min(deadline));
        }
    }
}

fn clock(xen: Rt, index: usize, count: u64) {
    black_box(xen.now());
    let begin = xen.now();
    mark_begin();
    for _ in 0..count {
        black_box(xen.now());
    }
    mark_end();
    report(index, count, xen.now().saturating_duration_since(begin));
}

/// Reports the sum of the times from the moments until this continues.
fn timer(xen: Rt, index: usize, count: u64) {
    let mut late = Duration::ZERO;
    for turn in 0..WARM_UP + count {
        if turn == WARM_UP {
            late = Duration::ZERO;
            mark_begin();
        }
        let at = xen.now() + TICK;
        let continued = loop {
            xen.sleep_unless(Some(at), || false);
            let now = xen.now();
            if now >= at {
                break now;
            }
        };
        mark_handler();
        late += continued.saturating_duration_since(at);
    }
    mark_end();
    report(index, count, late);
}
