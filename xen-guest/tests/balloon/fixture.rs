//! A guest with a balloon.

use core::time::Duration;
use xen_guest::{Balloon, BalloonConfig, ShutdownRequest, ShutdownWatcher};
use xen_hypercall::ops::{memory, sched};
use xen_hypercall::{BalloonPages, DomId, Gfn, Pages, Platform, boot};
use xen_sim::{Domain, DomainConfig, World};
use xen_store::XenStore;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::xen::HYPERVISOR_MEMORY_OP;

/// KiB of a page.
pub(crate) const KIB: u64 = 4;

/// Pages of a guest at its boot, and the fewest.
pub(crate) const BOOT: u64 = if cfg!(miri) { 256 } else { 4096 };
pub(crate) const MINIMUM: u64 = 1024;

/// A guest, by its own platform `P`.
pub(crate) struct Guest<P: BalloonPages = Domain> {
    pub(crate) world: World,
    pub(crate) domain: Domain,
    pub(crate) store: XenStore<P>,
    pub(crate) balloon: Balloon<P>,
    /// Pages that are in use.
    pub(crate) held: Vec<Pages<Domain>>,
}

pub(crate) fn guest(seed: u64) -> Guest {
    guest_of(World::new(seed), DomainConfig::new("guest"), BOOT)
}

pub(crate) fn guest_of(world: World, config: DomainConfig, boot: u64) -> Guest {
    guest_on(world, config, boot, |domain| domain)
}

pub(crate) fn guest_on<P: BalloonPages>(
    world: World,
    config: DomainConfig,
    boot_pages: u64,
    platform: impl FnOnce(Domain) -> P,
) -> Guest<P> {
    let all = config.pages.next_power_of_two() as u64;
    let domain = world.create_guest(config);
    let platform = platform(domain.clone());
    let ring = boot::xenstore_ring(platform.clone()).unwrap();
    let store = XenStore::new(platform, ring).unwrap();
    let mut map = [E820Entry::default()];
    memory::memory_map(&domain, &mut map).unwrap();
    let first = Gfn::containing(map[0].addr.get());
    let config = BalloonConfig::new(boot_pages, first..Gfn(first.0 + all), MINIMUM);
    let balloon = Balloon::new(&store, config).unwrap();
    Guest { world, domain, store, balloon, held: Vec::new() }
}

impl<P: BalloonPages> Guest<P> {
    /// Sets the target, and follows it until it is reached.
    pub(crate) fn set_pages(&mut self, pages: u64) {
        self.world.set_memory_target(self.domain.id(), pages * KIB);
        self.settle();
        assert_eq!(self.balloon.statistics().current, pages, "{:?}", self.balloon);
    }

    /// Polls after events and at deadlines, until the last target is read and reached.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..100_000 {
            self.step();
            let statistics = self.balloon.statistics();
            quiet = if statistics.current == statistics.target { quiet + 1 } else { 0 };
            // Time for a change that is on its way.
            if quiet == 10 {
                return;
            }
        }
        panic!("not settled: {:?}", self.balloon);
    }

    /// Polls for some seconds.
    pub(crate) fn run(&mut self, seconds: u64) {
        let end = self.domain.now() + Duration::from_secs(seconds);
        while self.domain.now() < end {
            self.step();
        }
    }

    pub(crate) fn step(&mut self) {
        let now = self.domain.now();
        self.balloon.poll(now).unwrap();
        let short = now + Duration::from_millis(10);
        let until = self.balloon.poll_timeout(now).map_or(short, |at| at.min(short));
        if until > now {
            self.store.platform().wait(&[self.store.port()], Some(until));
        }
    }

    /// Returns the number of the domain's pages, as Xen reports it.
    pub(crate) fn reservation(&self) -> u64 {
        memory::current_reservation(&self.domain, DomId::SELF).unwrap()
    }

    /// Returns the number of memory hypercalls so far.
    pub(crate) fn memory_calls(&self) -> u64 {
        let calls = self.domain.counters().hypercalls;
        calls.get(&HYPERVISOR_MEMORY_OP).copied().unwrap_or_default()
    }

    /// Allocates the kernel's free pages, but for some.
    pub(crate) fn take_all_but(&mut self, free: usize) {
        while let Ok(page) = Pages::alloc(self.domain.clone(), 1) {
            self.held.push(page);
        }
        self.held.truncate(self.held.len() - free);
    }

    /// Suspends the domain; the toolstack calls `then`.
    pub(crate) fn suspend(&mut self, then: impl FnOnce(&World) + Send + 'static) {
        let grants = xen_grant::GrantTable::new(self.store.platform().clone()).unwrap();
        let mut watcher = ShutdownWatcher::new(&self.store, &[ShutdownRequest::Suspend]).unwrap();
        self.world.suspend(self.domain.id(), then);
        while watcher.poll().unwrap().is_none() {
            self.step();
        }
        let platform = self.store.platform().clone();
        // SAFETY: one vCPU, no interrupts, and nothing is used before its resume.
        watcher.suspend(|| unsafe { sched::suspend(&platform) }).unwrap();
        watcher.resume(&grants).unwrap();
    }

    pub(crate) fn end(self) {
        let Self { world, store, balloon, held, .. } = self;
        drop((balloon, store, held));
        world.run_until_idle();
        world.check().unwrap();
    }
}
