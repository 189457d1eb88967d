//! Hypervisor, by the platform interface and the crates on top of it.

use core::sync::atomic::Ordering::SeqCst;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use xen_evtchn::{Callback, Channel, EventChannels, set_callback, set_upcall_vector};
use xen_grant::{CopyBatch, GrantMapArea, GrantMapping, GrantTable, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, Errno, Pages, Platform, Port, SharedMem, boot, ops};
use xen_sim::{Domain, DomainConfig, Step, Violation, World};
use xen_sys::event_channel::EvtchnStat;
use xen_sys::xen::Virq;

fn pair(seed: u64) -> (World, Domain, Domain) {
    let world = World::new(seed);
    let front = world.create(DomainConfig::new("front"));
    let back = world.create(DomainConfig::new("back"));
    (world, front, back)
}

#[test]
fn interdomain_channel_sends_both_ways() {
    let (world, front, back) = pair(1);
    let ours = Channel::alloc_unbound(front.clone(), back.id()).unwrap();
    let theirs = Channel::bind_interdomain(back.clone(), front.id(), ours.port()).unwrap();
    // Xen makes the binder's port pending, in case an event was missed.
    assert!(back.take_event(theirs.port()));
    assert!(!front.is_pending(ours.port()));
    ours.notify().unwrap();
    assert!(back.take_event(theirs.port()) && !back.take_event(theirs.port()));
    theirs.notify().unwrap();
    assert!(front.take_event(ours.port()));
    let status = ops::event_channel::status(&front, ours.port()).unwrap();
    assert_eq!((status.status, status.u), (EvtchnStat::INTERDOMAIN, [2, theirs.port().0]));
    drop(theirs);
    let status = ops::event_channel::status(&front, ours.port()).unwrap();
    assert_eq!((status.status, status.u[0]), (EvtchnStat::UNBOUND, 2));
    ours.notify().unwrap();
    drop(ours);
    world.check().unwrap();
}

#[test]
fn refusals_have_errors_of_xen() {
    let (_world, front, back) = pair(1);
    let bind = |domain: &Domain, remote, port| {
        ops::event_channel::bind_interdomain(domain, remote, Port(port))
    };
    let port = ops::event_channel::alloc_unbound(&front, DomId(0)).unwrap();
    assert_eq!(bind(&back, front.id(), port.0), Err(Errno::EINVAL));
    assert_eq!(bind(&back, front.id(), 4000), Err(Errno::EINVAL));
    assert_eq!(bind(&back, DomId(77), 1), Err(Errno::ESRCH));
    assert_eq!(ops::event_channel::close(&front, Port(60)), Err(Errno::EINVAL));
    assert_eq!(ops::event_channel::bind_ipi(&front, 1), Err(Errno::ENOENT));
    let timer = ops::event_channel::bind_virq(&front, Virq::TIMER, 0).unwrap();
    assert_eq!(ops::event_channel::bind_virq(&front, Virq::TIMER, 0), Err(Errno::EEXIST));
    assert_eq!(ops::event_channel::send(&front, timer), Err(Errno::EINVAL));
    assert_eq!(ops::event_channel::bind_vcpu(&front, timer, 0), Err(Errno::EINVAL));
    assert_eq!(ops::event_channel::bind_virq(&front, Virq(99), 0), Err(Errno::EINVAL));
    assert_eq!(ops::hvm::get_param(&front, 1000), Err(Errno::EINVAL));
    assert_eq!(ops::hvm::get_param(&front, 11), Err(Errno::EPERM));
    assert_eq!(ops::hvm::set_evtchn_upcall_vector(&front, 0, 3), Err(Errno::EINVAL));
    assert_eq!(ops::console_io::write(&front, b"hello"), Err(Errno::EPERM));
    // SAFETY: an unknown hypercall touches nothing.
    assert_eq!(unsafe { xen_hypercall::Hypercall::hypercall(&front, 46, [0; 5]) }, -38);
}

/// D-E07.
#[test]
fn exhausted_ports_keep_earlier_binds() {
    let world = World::new(1);
    let guest = world.create(DomainConfig { max_port: 100, ..DomainConfig::new("guest") });
    let ports: Vec<_> =
        (0..100).map(|_| ops::event_channel::alloc_unbound(&guest, DomId(0)).unwrap()).collect();
    assert_eq!(ops::event_channel::alloc_unbound(&guest, DomId(0)), Err(Errno::ENOSPC));
    assert_eq!(ops::event_channel::bind_virq(&guest, Virq::TIMER, 0), Err(Errno::ENOSPC));
    ops::event_channel::close(&guest, ports[50]).unwrap();
    assert_eq!(ops::event_channel::alloc_unbound(&guest, DomId(0)), Ok(ports[50]));
}

#[test]
fn domid_is_found_by_free_port() {
    let world = World::new(1);
    let guests =
        [(); 2].map(|()| world.create(DomainConfig { max_port: 3, ..DomainConfig::new("guest") }));
    for guest in &guests {
        assert_eq!(boot::own_domain(guest), Ok(guest.id()));
        world.check().unwrap();
        for _ in 0..3 {
            ops::event_channel::alloc_unbound(guest, DomId(0)).unwrap();
        }
        assert_eq!(boot::own_domain(guest), Err(Errno::ENOSPC));
        ops::event_channel::reset(guest).unwrap();
    }
}

#[test]
fn time_advances_only_while_all_wait() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let timer = Channel::bind_virq(guest.clone(), Virq::TIMER, 0).unwrap();
    let start = guest.now();
    ops::vcpu::set_singleshot_timer(&guest, 0, start + Duration::from_secs(5), true).unwrap();
    assert_eq!(guest.now(), start);
    guest.wait(&[timer.port()], None);
    assert_eq!(guest.now(), start + Duration::from_secs(5));
    guest.wait(&[timer.port()], Some(start + Duration::from_secs(9)));
    assert_eq!(guest.now(), start + Duration::from_secs(9));
    let past = ops::vcpu::set_singleshot_timer(&guest, 0, start, true);
    assert_eq!(past, Err(Errno::ETIME));
}

#[test]
fn upcall_waits_for_unmask() {
    let (world, front, back) = pair(3);
    let info = boot::shared_info(front.clone()).unwrap();
    let events = Arc::new(EventChannels::new(front.clone(), info));
    let hits = Arc::new(AtomicU32::new(0));
    set_upcall_vector(&front, 0, 0x40).unwrap();
    front.set_upcall_handler({
        let (events, hits) = (Arc::clone(&events), Arc::clone(&hits));
        move |_, vcpu| {
            events.on_upcall(vcpu, |port| {
                hits.fetch_add(port.0 << 8 | 1, SeqCst);
            });
        }
    });
    let ours = Channel::alloc_unbound(front.clone(), back.id()).unwrap();
    let theirs = Channel::bind_interdomain(back, front.id(), ours.port()).unwrap();
    theirs.notify().unwrap();
    world.run_until_idle();
    assert_eq!(hits.load(SeqCst), 0);
    assert!(events.is_pending(ours.port()));
    events.unmask(ours.port()).unwrap();
    world.run_until_idle();
    assert_eq!(hits.load(SeqCst), ours.port().0 << 8 | 1);
    theirs.notify().unwrap();
    // The first wait ends at once: an interrupt came since the one before.
    while hits.load(SeqCst) & 0xff < 2 {
        front.wait(&[ours.port()], None);
    }
    assert_eq!(front.counters().upcalls, 2);
}

#[test]
fn vector_alone_causes_upcalls() {
    let (world, front, _) = pair(3);
    let info = boot::shared_info(front.clone()).unwrap();
    let events = Arc::new(EventChannels::new(front.clone(), info));
    let ipi = Channel::bind_ipi(front.clone(), 0).unwrap();
    events.unmask(ipi.port()).unwrap();
    front.set_upcall_handler(move |_, vcpu| {
        events.on_upcall(vcpu, |_| {});
    });
    let lines = [
        Callback::Gsi(20),
        Callback::PciIntx { segment: 0, bus: 0, device: 3, pin: 0 },
        Callback::Off,
    ];
    let sent = |callback, upcalls| {
        set_callback(&front, callback).unwrap();
        ipi.notify().unwrap();
        world.run_until_idle();
        assert_eq!(front.counters().upcalls, upcalls, "{callback:?}");
    };
    lines.iter().for_each(|&line| sent(line, 0));
    sent(Callback::Vector(0x40), 1);
    // Xen takes it, and stays with the vector.
    lines.iter().zip(2..).for_each(|(&line, upcalls)| sent(line, upcalls));
}

#[test]
fn granted_page_is_shared_memory() {
    let (world, front, back) = pair(1);
    let grants = GrantTable::new(front.clone()).unwrap();
    let page = Pages::alloc(front.clone(), 2).unwrap();
    let shared = grants.grant_writable(page, back.id()).unwrap();
    let window = GrantMapArea::reserve(back.clone(), 2).unwrap();
    let mapping = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap();
    let (ours, theirs) = (shared.as_ref(), mapping.as_ref());
    ours.u32_at(4096).unwrap().store(42, SeqCst);
    // A hypercall: where memory is copied, not aliased, writes become visible there.
    ops::sched::yield_now(&front);
    assert_eq!(theirs.u32_at(4096).unwrap().load(SeqCst), 42);
    theirs.u32::<0>().store(7, SeqCst);
    ops::sched::yield_now(&back);
    assert_eq!(ours.u32::<0>().load(SeqCst), 7);
    assert!(matches!(world.check().unwrap_err().violations[..], [Violation::GrantLive { .. }, ..]));
    drop(mapping.unmap().unwrap());
    shared.end_access().unwrap();
    drop(grants);
    world.check().unwrap();
}

/// D-G01.
#[test]
fn mapped_page_is_not_reclaimed() {
    let (world, front, back) = pair(1);
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared =
        grants.grant_read_only(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let refs = shared.refs().to_vec();
    let mapping =
        GrantMapArea::reserve(back, 1).unwrap().map::<ReadOnly>(front.id(), &refs).unwrap();
    assert_eq!(shared.end_access().unwrap_err().reference, refs[0]);
    assert_eq!(grants.retry_deferred().waiting, 1);
    drop(mapping);
    assert_eq!(grants.retry_deferred().waiting, 0);
    drop(grants);
    world.check().unwrap();
}

#[test]
fn invalid_grants_are_refused() {
    let (world, front, back) = pair(1);
    let third = world.create(DomainConfig::new("third"));
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared =
        grants.grant_read_only(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let map = |domain: &Domain, owner: DomId, grant| {
        GrantMapArea::reserve(domain.clone(), 1)
            .unwrap()
            .map::<ReadOnly>(owner, &[grant])
            .map(drop)
            .map_err(drop)
    };
    assert_eq!(map(&third, front.id(), shared.refs()[0]), Err(()));
    assert_eq!(map(&back, front.id(), xen_hypercall::GrantRef(500_000)), Err(()));
    assert_eq!(map(&back, DomId(99), shared.refs()[0]), Err(()));
    let writable =
        GrantMapArea::reserve(back.clone(), 1).unwrap().map::<ReadWrite>(front.id(), shared.refs());
    assert!(writable.is_err());
    drop(writable);
    assert_eq!(map(&back, front.id(), shared.refs()[0]), Ok(()));
}

#[test]
fn copies_stay_within_granted_pages() {
    let (world, front, back) = pair(1);
    let grants = GrantTable::new(front.clone()).unwrap();
    let mut page = Pages::alloc(front.clone(), 1).unwrap();
    page.as_mut_slice()[100..105].copy_from_slice(b"hello");
    let shared = grants.grant_read_only(page, back.id()).unwrap();
    let mut local = Pages::alloc(back.clone(), 1).unwrap();
    let mut batch = CopyBatch::new(&mut local, front.id());
    batch.copy_from_grant(shared.refs()[0], 100, 8, 5).unwrap();
    batch.run().unwrap();
    drop(batch);
    assert_eq!(&local.as_slice()[7..14], b"\0hello\0");
    let mut batch = CopyBatch::new(&mut local, front.id());
    batch.copy_to_grant(8, shared.refs()[0], 0, 5).unwrap();
    batch.run().unwrap_err();
    drop(batch);
    assert_eq!(back.counters().bytes_copied, 5);
    shared.end_access().unwrap();
    drop((local, grants));
    world.check().unwrap();
}

#[test]
fn free_of_granted_page_is_detected() {
    let (world, front, back) = pair(1);
    let grants = GrantTable::new(front.clone()).unwrap();
    let pages = Pages::alloc(front.clone(), 1).unwrap();
    let address = pages.as_slice().as_ptr();
    let shared = grants.grant_writable(pages, back.id()).unwrap();
    let page = core::ptr::NonNull::new(address.cast_mut()).unwrap();
    // SAFETY: not at all; that is what is tested. The value that owns the page is forgotten.
    unsafe { front.free_pages(page, core::num::NonZeroUsize::MIN) };
    core::mem::forget(shared);
    assert!(matches!(world.violations()[..], [Violation::FreedWhileGranted { .. }]));
}

/// Sends events between two tasks and the test's own code; returns the trace.
fn ping_pong(seed: u64) -> Vec<String> {
    let (world, front, back) = pair(seed);
    world.start_trace();
    for _ in 0..3 {
        let ours = Channel::alloc_unbound(front.clone(), back.id()).unwrap();
        let theirs = Channel::bind_interdomain(back.clone(), front.id(), ours.port()).unwrap();
        back.take_event(theirs.port());
        back.spawn(move |domain: &Domain| {
            if domain.take_event(theirs.port()) {
                theirs.notify().unwrap();
            }
            Step::Idle
        });
        front.spawn({
            let mut rounds = 0;
            move |domain: &Domain| {
                if rounds == 0 || domain.take_event(ours.port()) {
                    rounds += 1;
                    if rounds > 10 {
                        return Step::Done;
                    }
                    ours.notify().unwrap();
                }
                Step::Idle
            }
        });
    }
    world.run_until_idle();
    world.take_trace().iter().map(ToString::to_string).collect()
}

#[test]
fn seed_determines_trace() {
    let trace = ping_pong(7);
    assert!(trace.len() > 60);
    assert_eq!(trace, ping_pong(7));
    assert_ne!(trace, ping_pong(8));
}

/// A mapping that is written to when it is dropped.
struct Writer(GrantMapping<Domain, ReadWrite>);

impl Drop for Writer {
    fn drop(&mut self) {
        let memory: &SharedMem = self.0.as_ref();
        memory.u8_at(0).unwrap().store(1, SeqCst);
    }
}

#[test]
fn destroyed_domain_leaves_peers_intact() {
    let (world, front, back) = pair(1);
    let ours = Channel::alloc_unbound(front.clone(), back.id()).unwrap();
    let theirs = Channel::bind_interdomain(back.clone(), front.id(), ours.port()).unwrap();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.grant_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let mapping = GrantMapArea::reserve(back.clone(), 1)
        .unwrap()
        .map::<ReadWrite>(front.id(), shared.refs())
        .unwrap();
    let writer = Writer(mapping);
    back.spawn(move |_: &Domain| {
        let _held = (&writer, &theirs);
        Step::Idle
    });
    world.run_until_idle();
    world.destroy(back.id());
    let memory: &SharedMem = shared.as_ref();
    let byte = memory.u8_at(0).unwrap().load(SeqCst);
    assert_eq!(byte, 0, "a domain that is destroyed writes no more");
    assert!(!world.is_alive(back.id()));
    assert_eq!(
        ops::event_channel::status(&front, ours.port()).unwrap().status,
        EvtchnStat::UNBOUND
    );
    shared.end_access().unwrap();
    drop((ours, grants));
    world.check().unwrap();
}

#[test]
#[should_panic = "deadlock: domain 1 (front) waits for events on ports [1]"]
fn endless_wait_panics() {
    let (_world, front, back) = pair(1);
    let ours = Channel::alloc_unbound(front.clone(), back.id()).unwrap();
    loop {
        front.wait(&[ours.port()], None);
    }
}

#[test]
fn paused_domain_runs_nothing() {
    let (world, front, _back) = pair(1);
    let turns = Arc::new(AtomicU32::new(0));
    front.spawn({
        let turns = Arc::clone(&turns);
        move |_: &Domain| {
            turns.fetch_add(1, SeqCst);
            Step::Idle
        }
    });
    world.pause(front.id());
    world.run_until_idle();
    assert_eq!(turns.load(SeqCst), 0);
    world.unpause(front.id());
    world.run_until_idle();
    assert_eq!(turns.load(SeqCst), 1);
}

/// Xen 78e24c269b.
#[test]
fn linked_port_is_not_reused() {
    let (_world, front, back) = pair(1);
    let info = boot::shared_info(front.clone()).unwrap();
    let events = EventChannels::with_fifo(front.clone(), info).unwrap();
    let open = || Channel::alloc_unbound(front.clone(), back.id()).unwrap();
    let upcall = || {
        let mut delivered = Vec::new();
        events.on_upcall(0, |port| delivered.push(port));
        delivered
    };
    let [first, second] = [(); 2].map(|()| open());
    let peers = [&first, &second].map(|channel| {
        Channel::bind_interdomain(back.clone(), front.id(), channel.port()).unwrap()
    });
    for channel in [&first, &second] {
        events.unmask(channel.port()).unwrap();
    }
    let _ = upcall();
    peers.iter().for_each(|peer| peer.notify().unwrap());
    // Closed while it is the head of a queue.
    let port = first.port();
    drop((first, peers));
    let third = open();
    assert_ne!(third.port(), port, "it is in a queue");
    let peer = Channel::bind_interdomain(back.clone(), front.id(), third.port()).unwrap();
    events.unmask(third.port()).unwrap();
    peer.notify().unwrap();
    assert_eq!(
        upcall(),
        [second.port(), third.port()],
        "the closed one is taken off and not delivered"
    );
    let again = open();
    assert_eq!(again.port(), port, "it is off the queue");
    let other = Channel::bind_interdomain(back.clone(), front.id(), again.port()).unwrap();
    events.unmask(again.port()).unwrap();
    for (peer, port) in [(&peer, third.port()), (&other, again.port()), (&peer, third.port())] {
        let _ = upcall();
        peer.notify().unwrap();
        assert_eq!(upcall(), [port]);
    }
    // Of another kind too.
    other.notify().unwrap();
    drop(again);
    assert_ne!(Channel::bind_ipi(front.clone(), 0).unwrap().port(), port);
    assert_ne!(Channel::bind_virq(front.clone(), Virq::TIMER, 0).unwrap().port(), port);
    let waiting = Channel::alloc_unbound(back.clone(), front.id()).unwrap();
    assert_ne!(
        Channel::bind_interdomain(front.clone(), back.id(), waiting.port()).unwrap().port(),
        port
    );
}

/// Xen 295514ff75.
#[test]
fn vcpu_info_moves_as_version_allows() {
    for (version, moved, foreign) in
        [(17, Errno::EINVAL, Err(Errno::EINVAL)), (18, Errno::EBUSY, Ok(()))]
    {
        let world = World::with_version(1, (4, version));
        let guest = world.create(DomainConfig { vcpus: 4, ..DomainConfig::new("guest") });
        let page = Pages::alloc(guest.clone(), 1).unwrap();
        let gfn = page.gfn(0).unwrap();
        let shared = page.into_shared();
        let register = |caller: u32, vcpu, offset| {
            // SAFETY: the page is not freed before the world ends, and reached through atomics
            // only.
            unsafe { ops::vcpu::register_vcpu_info(&guest.vcpu(caller), vcpu, gfn, offset) }
        };
        assert_eq!(register(0, 1, 4), Err(Errno::ENXIO));
        assert_eq!(register(0, 1, 4096 - 56), Err(Errno::ENXIO));
        assert_eq!(register(0, 1, 64), Ok(()), "it is down");
        let word = |offset| shared.as_ref().u64_at(offset).unwrap().load(SeqCst);
        assert_eq!((word(64) & 0xff, word(64 + 8)), (1, u64::MAX), "everything is pending");
        assert_eq!(register(0, 1, 128), Err(moved));
        // SAFETY: the vCPU is simulated: it executes what this test does.
        unsafe {
            ops::vcpu::initialise(&guest, 2, &Default::default()).unwrap();
            ops::vcpu::up(&guest, 2).unwrap();
        }
        assert_eq!(register(0, 2, 192), foreign, "it is up, and not the caller");
        if foreign.is_err() {
            assert_eq!(register(2, 2, 192), Ok(()), "it is the caller");
        }
        core::mem::forget(shared);
    }
}
