//! Event words after a reset and after a suspend, against a simulated Xen.
#![cfg(not(loom))]

mod common;

use common::{Events, domain, events, handled, open, open_unmasked, works};
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use xen_evtchn::{Abi, Channel, EventChannels};
use xen_hypercall::ops::sched::{SuspendOutcome, suspend};
use xen_hypercall::ops::{self, event_channel as op};
use xen_hypercall::{Claims, Errno, Gfn, Hypercall, Instant, Platform, Port, boot};
use xen_sim::{Domain, DomainConfig, World};
use xen_sys::memory::XENMAPSPACE_SHARED_INFO;
#[test]
fn reset_initializes_event_words() {
    let (world, domain, events) = domain(3000);
    events.add_vcpu(1).unwrap();
    let left: Vec<_> = (0..2000).map(|_| open_unmasked(&events, &domain, 3)).collect();
    left.iter().for_each(|channel| channel.notify().unwrap());
    // Ports of another kernel, which does not drop them.
    left.into_iter().for_each(core::mem::forget);
    events.reset().unwrap();
    assert_eq!(events.abi(), Abi::Fifo);
    assert!(handled(&events).is_empty() && !events.is_pending(Port(1)));
    works(&events, &domain);
    let second = Channel::bind_ipi(domain.clone(), 1).unwrap();
    events.unmask(second.port()).unwrap();
    second.notify().unwrap();
    let mut delivered = 0;
    events.on_upcall(1, |_| delivered += 1);
    assert_eq!(delivered, 1);
    // All pages of the array exist again.
    events.mask(Port(2000));
    assert!(op::status(&domain, Port(2000)).is_ok());
    drop(second);
    world.check().unwrap();
}

#[test]
fn kernel_takes_over_left_queues() {
    let (_world, domain, first) = domain(1023);
    let left = open_unmasked(&first, &domain, 3);
    left.notify().unwrap();
    core::mem::forget(left);
    // The shared info page has one owner at a time.
    drop(first);
    let shared_info = boot::shared_info(domain.clone()).unwrap();
    assert_eq!(EventChannels::with_fifo(domain.clone(), shared_info).err(), Some(Errno::EEXIST));
    let second = EventChannels::new(domain.clone(), boot::shared_info(domain.clone()).unwrap());
    second.reset().unwrap();
    assert_eq!(second.abi(), Abi::TwoLevel);
    works(&second, &domain);
}

/// Suspends a domain with one running vCPU and returns the outcome.
fn suspended(domain: &Domain) -> SuspendOutcome {
    // SAFETY: no other vCPU runs, and the resources of the old domain are set up again before
    // their next use.
    unsafe { suspend(domain) }.unwrap()
}

#[test]
fn restore_initializes_event_words() {
    for abi in [Abi::Fifo, Abi::TwoLevel] {
        let world = World::new(1);
        let domain = world.create_guest(DomainConfig {
            max_port: 3000,
            vcpus: 2,
            ..DomainConfig::new("guest")
        });
        let shared_info = boot::shared_info(domain.clone()).unwrap();
        let events = match abi {
            Abi::TwoLevel => EventChannels::new(domain.clone(), shared_info),
            Abi::Fifo => EventChannels::with_fifo(domain.clone(), shared_info).unwrap(),
        };
        events.add_vcpu(1).unwrap();
        let left: Vec<_> = (0..1500).map(|_| open(&events, &domain)).collect();
        for channel in &left {
            events.unmask(channel.port()).unwrap();
            channel.notify().unwrap();
        }
        // The ports ended with the old domain, and are not closed in the new one.
        left.into_iter().for_each(core::mem::forget);
        let id = domain.id();
        world.suspend(id, move |world| {
            let image = world.save(id);
            world.restore(image, None);
        });
        assert_eq!(suspended(&domain), SuspendOutcome::Resumed);
        place_shared_info_again(&events, &domain);
        events.resume().unwrap();
        assert_eq!(events.abi(), abi);
        assert!(handled(&events).is_empty() && !events.is_pending(Port(1400)));
        works(&events, &domain);
        for vcpu in [0, 1] {
            let again: Vec<_> =
                (0..1500).map(|_| Channel::bind_ipi(domain.clone(), vcpu).unwrap()).collect();
            for channel in &again {
                events.opened(channel.port(), vcpu).unwrap();
                events.unmask(channel.port()).unwrap();
                channel.notify().unwrap();
            }
            let mut delivered = 0;
            events.on_upcall(vcpu, |_| delivered += 1);
            assert_eq!(delivered, 1500);
            again.iter().for_each(|channel| events.closing(channel.port()));
        }
    }
}

/// Maps shared info at its old frame, as a kernel does first in a new domain.
fn place_shared_info_again(events: &Events<Domain>, domain: &Domain) {
    let frame = events.shared_info().first_gfn();
    // SAFETY: the frame is the one that was reserved for shared info.
    unsafe { ops::memory::add_to_physmap(domain, XENMAPSPACE_SHARED_INFO, 0, frame) }.unwrap();
}

/// Runs the upcall of vCPU 0 if Xen has raised it.
fn upcall(events: &Events<Domain>) -> Vec<Port> {
    let flag = events.shared_info().as_ref().u8::<0>();
    if flag.load(SeqCst) != 0 { handled(events) } else { Vec::new() }
}

/// FreeBSD-EN-17:05.xen, and `xc_domain_resume` of an HVM guest.
#[test]
fn resume_in_place_keeps_queues_alive() {
    for running in 0..2 {
        let world = World::new(1);
        let domain = world.create_guest(DomainConfig { vcpus: 2, ..DomainConfig::new("guest") });
        let events = events(&domain).unwrap();
        events.add_vcpu(1).unwrap();
        let channels: Vec<_> = (0..3).map(|n| open_unmasked(&events, &domain, 7 + n / 2)).collect();
        let second = Channel::bind_ipi(domain.clone(), 1).unwrap();
        events.unmask(second.port()).unwrap();
        second.notify().unwrap();
        channels.iter().for_each(|channel| channel.notify().unwrap());
        let suspend_and_resume = || {
            let id = domain.id();
            world.suspend(id, move |world| world.resume(id, SuspendOutcome::Resumed));
            assert_eq!(suspended(&domain), SuspendOutcome::Resumed);
            events.resume().unwrap();
            assert_eq!(events.abi(), Abi::Fifo);
            assert!(upcall(&events).is_empty(), "all are masked");
        };
        let mut delivered = Vec::new();
        if running == 1 {
            // During an upcall, which continues afterwards.
            events.on_upcall(0, |port| {
                delivered.push(port);
                if delivered.len() == 1 {
                    suspend_and_resume();
                }
            });
            assert_eq!(delivered, [channels[0].port()], "the others are masked");
        } else {
            suspend_and_resume();
        }
        // Their events were kept, and Xen raises an upcall for each priority again.
        for channel in &channels[running..] {
            events.unmask(channel.port()).unwrap();
            assert_eq!(upcall(&events), [channel.port()]);
        }
        for channel in &channels[running..] {
            channel.notify().unwrap();
            assert_eq!(upcall(&events), [channel.port()]);
        }
        events.unmask(second.port()).unwrap();
        let flag = events.shared_info().as_ref().u8::<64>();
        assert_eq!(flag.load(SeqCst), 1, "the flag of the second vCPU too");
        let mut delivered = 0;
        events.on_upcall(1, |_| delivered += 1);
        assert_eq!(delivered, 1);
        works(&events, &domain);
    }
}

#[test]
fn resume_in_place_clears_stale_upcalls() {
    let world = World::new(1);
    let domain = world.create_guest(DomainConfig::new("guest"));
    let events = EventChannels::new(domain.clone(), boot::shared_info(domain.clone()).unwrap());
    let channel = open_2l(&events, &domain);
    channel.notify().unwrap();
    let id = domain.id();
    world.suspend(id, move |world| world.resume(id, SuspendOutcome::Resumed));
    assert_eq!(suspended(&domain), SuspendOutcome::Resumed);
    events.resume().unwrap();
    // Xen neither sets a flag that is still set nor a bit of the selector.
    let dump = events.dump().to_string();
    assert!(dump.contains("vCPU 0: no upcall, words 0x0\n"), "{dump}");
    events.unmask(channel.port()).unwrap();
    assert_eq!(upcall(&events), [channel.port()]);
}

fn open_2l(events: &Events<Domain>, domain: &Domain) -> Channel<Domain> {
    let channel = Channel::bind_ipi(domain.clone(), 0).unwrap();
    events.opened(channel.port(), 0).unwrap();
    events.unmask(channel.port()).unwrap();
    channel
}

#[test]
fn resume_forgets_owners_of_ports() {
    // In the first word of ports, and in another one.
    for (in_place, below) in [(false, 0), (true, 0), (false, 130), (true, 130)] {
        let world = World::new(1);
        let domain = world.create_guest(DomainConfig { vcpus: 2, ..DomainConfig::new("guest") });
        let events = EventChannels::new(domain.clone(), boot::shared_info(domain.clone()).unwrap());
        events.add_vcpu(1).unwrap();
        let ipi = |vcpu| Channel::bind_ipi(domain.clone(), vcpu).unwrap();
        let fill = || (0..below).map(|_| ipi(0)).collect::<Vec<_>>();
        let low = fill();
        let seconds = ipi(1);
        events.opened(seconds.port(), 1).unwrap();
        let id = domain.id();
        world.suspend(id, move |world| {
            if in_place {
                return world.resume(id, SuspendOutcome::Resumed);
            }
            let image = world.save(id);
            world.restore(image, None);
        });
        assert_eq!(suspended(&domain), SuspendOutcome::Resumed);
        let port = seconds.port();
        if in_place {
            drop((low, seconds));
        } else {
            low.into_iter().chain([seconds]).for_each(core::mem::forget);
            place_shared_info_again(&events, &domain);
        }
        events.resume().unwrap();
        // A port of the toolstack is not opened here.
        let _low = fill();
        let again = ipi(0);
        assert_eq!(again.port(), port);
        events.unmask(port).unwrap();
        again.notify().unwrap();
        assert_eq!(upcall(&events), [port]);
    }
}

/// Kernel that runs on one vCPU after the other.
#[derive(Clone)]
struct OnVcpu(Domain, Arc<AtomicU32>);

impl OnVcpu {
    fn here(&self) -> Domain {
        self.0.vcpu(self.1.load(SeqCst))
    }
}

// SAFETY: the domain receives the call unchanged.
unsafe impl Hypercall for OnVcpu {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations are those of the domain's method.
        unsafe { self.here().hypercall(op, args) }
    }
}

// SAFETY: as above.
unsafe impl Platform for OnVcpu {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.0.alloc_pages(count)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations are those of the domain's method.
        unsafe { self.0.free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        self.0.virt_to_gfn(page)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's obligations are those of the domain's method.
        unsafe { self.0.map_frames(first, count) }
    }

    fn claims(&self) -> &Claims {
        self.0.claims()
    }

    fn now(&self) -> Instant {
        self.0.now()
    }
}

/// Xen 295514ff75: before it, `VCPUOP_register_vcpu_info` accepts the `vcpu_info` of another vCPU
/// only while that vCPU is down.
#[test]
fn vcpu_registers_itself_after_restore() {
    for (version, abi) in
        [(17, Abi::Fifo), (17, Abi::TwoLevel), (18, Abi::Fifo), (20, Abi::TwoLevel)]
    {
        let world = World::with_version(1, (4, version));
        let domain = world.create_guest(DomainConfig { vcpus: 40, ..DomainConfig::new("guest") });
        let kernel = OnVcpu(domain.clone(), Arc::new(AtomicU32::new(0)));
        let shared_info = boot::shared_info(kernel.clone()).unwrap();
        let events = match abi {
            Abi::TwoLevel => EventChannels::new(kernel.clone(), shared_info),
            Abi::Fifo => EventChannels::with_fifo(kernel.clone(), shared_info).unwrap(),
        };
        for vcpu in [1, 35, 36] {
            events.add_vcpu(vcpu).unwrap();
            if vcpu != 36 {
                // SAFETY: the vCPU is simulated: this test is its code.
                unsafe {
                    ops::vcpu::initialise(&domain, vcpu, &Default::default()).unwrap();
                    ops::vcpu::up(&domain, vcpu).unwrap();
                }
            }
        }
        for _ in 0..2 {
            let id = domain.id();
            world.suspend(id, move |world| {
                let image = world.save(id);
                world.restore(image, None);
            });
            assert_eq!(suspended(&domain), SuspendOutcome::Resumed);
            let frame = events.shared_info().first_gfn();
            // SAFETY: the frame is the one that was reserved for shared info.
            unsafe { ops::memory::add_to_physmap(&domain, XENMAPSPACE_SHARED_INFO, 0, frame) }
                .unwrap();
            events.resume().unwrap();
            let waits = if version < 18 { Err(Errno::EAGAIN) } else { Ok(()) };
            let channel = Channel::bind_ipi(kernel.clone(), 35).unwrap();
            assert_eq!(
                events.opened(channel.port(), 35),
                waits,
                "Xen 4.{version}: no port on a vCPU without upcalls"
            );
            let movable = Channel::alloc_unbound(kernel.clone(), domain.id()).unwrap();
            events.opened(movable.port(), 0).unwrap();
            assert_eq!(events.bind_vcpu(movable.port(), 35), waits, "Xen 4.{version}");
            // Each vCPU continues where it was stopped.
            for vcpu in [1, 35] {
                kernel.1.store(vcpu, SeqCst);
                events.add_vcpu(vcpu).unwrap();
                events.add_vcpu(vcpu).unwrap();
            }
            kernel.1.store(0, SeqCst);
            for vcpu in [1, 35, 36] {
                let channel = Channel::bind_ipi(kernel.clone(), vcpu).unwrap();
                events.opened(channel.port(), vcpu).unwrap();
                events.unmask(channel.port()).unwrap();
                for _ in 0..2 {
                    channel.notify().unwrap();
                    let mut delivered = Vec::new();
                    events.on_upcall(vcpu, |port| delivered.push(port));
                    assert_eq!(
                        delivered,
                        [channel.port()],
                        "Xen 4.{version}, {abi:?}, vCPU {vcpu}"
                    );
                }
                events.closing(channel.port());
            }
        }
        // The outcome is a new domain, but the domain is the old one.
        let id = domain.id();
        world.suspend(id, move |world| world.resume(id, SuspendOutcome::Resumed));
        assert_eq!(suspended(&domain), SuspendOutcome::Resumed);
        events.resume().unwrap();
        kernel.1.store(35, SeqCst);
        events.add_vcpu(35).unwrap();
        let channel = Channel::bind_ipi(kernel.clone(), 35).unwrap();
        events.opened(channel.port(), 35).unwrap();
        events.unmask(channel.port()).unwrap();
        channel.notify().unwrap();
        let mut delivered = Vec::new();
        events.on_upcall(35, |port| delivered.push(port));
        assert_eq!(delivered, [channel.port()], "Xen 4.{version}, {abi:?}");
        drop(channel);
        // After a reset, the domain is the old one for certain.
        kernel.1.store(0, SeqCst);
        events.reset().unwrap();
        let channel = Channel::bind_ipi(kernel.clone(), 35).unwrap();
        assert_eq!(events.opened(channel.port(), 35), Ok(()), "Xen 4.{version}, {abi:?}");
    }
}
