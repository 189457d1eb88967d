//! Consoles against the console daemon, an absent one and a hostile one.

mod persistent;

use core::fmt::Write;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use persistent::while_peer_writes;
use xen_evtchn::Channel;
use xen_front::console::{Console, ConsoleError, HypervisorConsole, Newline};
use xen_hypercall::boot::{self, BootRing};
use xen_hypercall::ops::sched::{self, SuspendOutcome};
use xen_hypercall::{Errno, Platform};
use xen_ring::Corrupt;
use xen_sim::{Domain, DomainConfig, EventWait, World};

const IN_PROD: usize = 3076;
const OUT_CONS: usize = 3080;
const OUT_PROD: usize = 3084;

fn guest(world: &World) -> (Domain, BootRing<Domain>) {
    let guest = world.create_guest(DomainConfig::new("guest"));
    let ring = boot::console_ring(guest.clone()).unwrap();
    (guest, ring)
}

/// Creates a guest whose console has no reader.
fn unread(world: &World) -> (Domain, BootRing<Domain>) {
    let guest = world.create_guest_without_store(DomainConfig::new("guest"));
    let ring = boot::console_ring(guest.clone()).unwrap();
    (guest, ring)
}

#[test]
fn bytes_are_unchanged() {
    let world = World::new(1);
    let (guest, ring) = guest(&world);
    let mut console = Console::primary(ring);
    let deadline = guest.now() + Duration::from_secs(1);
    let bytes: Vec<u8> = (0..10_000u32).map(|n| (n * 7) as u8).collect();
    console.write_all(&bytes, deadline).unwrap();
    console.flush(deadline).unwrap();
    assert!(world.console_output(guest.id()) == bytes);
    world.type_on_console(guest.id(), &bytes);
    let mut got = Vec::new();
    while got.len() < bytes.len() && guest.now() < deadline {
        let mut buffer = [0; 700];
        let count = console.read(&mut buffer).unwrap();
        got.extend_from_slice(&buffer[..count]);
        if count == 0 {
            guest.wait(&[console.port()], Some(deadline));
        }
    }
    assert!(got == bytes);
    assert_eq!((console.available(), console.read(&mut [0; 8])), (Ok(0), Ok(0)));
    drop(console);
    assert_eq!(world.violations(), []);
}

/// The guest runs only when an event wakes it.
#[test]
fn events_alone_echo_input() {
    let world = World::new(1);
    let (guest, ring) = guest(&world);
    let mut console = Console::primary(ring);
    let typed: Vec<u8> = (0..9000u32).map(|n| (n * 7) as u8).collect();
    world.type_on_console(guest.id(), &typed);
    let (mut wait, mut held, mut echoed) = (EventWait::new(&guest), Vec::new(), 0);
    let done = wait.run_until(guest.now() + Duration::from_secs(10), || {
        loop {
            let mut buffer = [0; 700];
            let count = console.read(&mut buffer).unwrap();
            held.extend_from_slice(&buffer[..count]);
            let written = console.write(&held).unwrap();
            held.drain(..written);
            echoed += written;
            if count == 0 && written == 0 {
                return echoed == typed.len();
            }
        }
    });
    assert!(done, "{echoed} bytes were echoed");
    console.flush(guest.now() + Duration::from_secs(1)).unwrap();
    assert!(world.console_output(guest.id()) == typed);
}

#[test]
fn text_has_configured_line_ends() {
    let world = World::new(1);
    let (guest, ring) = guest(&world);
    let mut console = Console::primary(ring);
    let before = guest.counters().notifications;
    console.write_str("one\ntwo\n\nthree").unwrap();
    assert_eq!(guest.counters().notifications - before, 1);
    console.set_newline(Newline::Raw);
    console.write_str("\nfour\n").unwrap();
    console.flush(guest.now() + Duration::from_secs(1)).unwrap();
    assert_eq!(world.console_output(guest.id()), b"one\r\ntwo\r\n\r\nthree\nfour\n");
}

#[test]
fn empty_transfers_do_not_notify() {
    let world = World::new(1);
    let (guest, ring) = guest(&world);
    let mut console = Console::primary(ring);
    let before = guest.counters().notifications;
    assert_eq!((console.write(b""), console.read(&mut [0; 8])), (Ok(0), Ok(0)));
    console.write_str("").unwrap();
    assert_eq!(guest.counters().notifications, before);
}

#[test]
fn each_transfer_is_notified_once() {
    let world = World::new(1);
    let (guest, ring) = guest(&world);
    let mut console = Console::primary(ring);
    let before = guest.counters().notifications;
    assert_eq!(console.write(b"12345"), Ok(5));
    assert_eq!(guest.counters().notifications - before, 1);
    world.type_on_console(guest.id(), b"ls");
    world.run_until_idle();
    assert_eq!(console.available(), Ok(2));
    assert_eq!(console.read(&mut [0; 8]), Ok(2));
    assert_eq!(guest.counters().notifications - before, 2);
}

#[test]
fn resumed_console_keeps_text_settings() {
    let world = World::new(1);
    let (guest, ring) = guest(&world);
    let mut console = Console::primary(ring);
    console.set_newline(Newline::Raw);
    console.set_text_timeout(Duration::from_millis(300));
    let id = guest.id();
    world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    // SAFETY: one vCPU, no interrupts, and only the console is used afterwards, which is resumed.
    let resumed = unsafe { sched::suspend(&guest) };
    assert_eq!(resumed, Ok(SuspendOutcome::Resumed));
    console.resume().unwrap();
    world.pause(world.dom0().id());
    console.write_str("a\nb\n").unwrap();
    let start = guest.now();
    assert!(console.write_str(&"x".repeat(3000)).is_err());
    assert_eq!(guest.now(), start + Duration::from_millis(300));
    world.unpause(world.dom0().id());
    world.run_for(Duration::from_millis(1));
    assert!(world.console_output(guest.id()).starts_with(b"a\nb\nxxx"));
}

#[test]
fn timeout_counts_written_bytes() {
    let world = World::new(1);
    let (guest, ring) = unread(&world);
    let mut console = Console::primary(ring);
    let start = guest.now();
    let deadline = start + Duration::from_secs(3);
    assert_eq!(console.write(b"12345"), Ok(5));
    assert_eq!(console.flush(start), Err(ConsoleError::Timeout { written: 0, len: 5 }));
    let full = Err(ConsoleError::Timeout { written: 2043, len: 3000 });
    assert_eq!(console.write_all(&[b'x'; 3000], deadline), full);
    assert_eq!(guest.now(), deadline);
    assert_eq!(console.write(b"more"), Ok(0));
    assert_eq!(console.flush(deadline), Err(ConsoleError::Timeout { written: 0, len: 2048 }));
    assert_eq!(console.is_drained(), Ok(false));
}

#[test]
fn text_waits_once_per_stall() {
    let world = World::new(1);
    let (guest, ring) = unread(&world);
    let mut console = Console::primary(ring);
    console.set_text_timeout(Duration::from_secs(1));
    let start = guest.now();
    for _ in 0..10 {
        let _ = writeln!(console, "{}", "x".repeat(1000));
    }
    assert_eq!(guest.now(), start + Duration::from_secs(1));
    world.introduce(guest.id());
    world.run_for(Duration::from_millis(1));
    writeln!(console, "back").unwrap();
    console.flush(guest.now() + Duration::from_secs(1)).unwrap();
    assert_eq!(console.is_drained(), Ok(true));
    assert!(world.console_output(guest.id()).ends_with(b"back\r\n"));
}

/// D-C04.
#[test]
fn text_timeout_ignores_slow_reader() {
    let world = World::new(1);
    let (guest, ring) = unread(&world);
    let page = boot::console_ring(guest.clone()).unwrap().page;
    let (events, port) = (world.clone(), ring.port);
    let mut console = Console::primary(ring);
    console.write(&[b'x'; 2048]).unwrap();
    let id = guest.id();
    // One byte at a time, each just before the text would fail.
    let take_one = move |round| {
        page.as_ref().u32::<OUT_CONS>().store(round + 1, Relaxed);
        events.inject_event(id, port);
    };
    let wait = Duration::from_secs(1);
    console.set_text_timeout(wait);
    while_peer_writes(&world, wait, Duration::from_millis(900), take_one, || {
        let (a, b, c, d) = (1, 2, 3, 4);
        assert!(write!(console, "{a}{b}{c}{d}").is_err());
    });
    // Once the reader is back, each text has its own time again.
    let reader = || {
        let (page, world) = (boot::console_ring(guest.clone()).unwrap().page, world.clone());
        move |round| {
            if round > 0 {
                let written = page.as_ref().u32::<OUT_PROD>().load(Relaxed);
                page.as_ref().u32::<OUT_CONS>().store(written, Relaxed);
                world.inject_event(id, port);
            }
        }
    };
    reader()(1);
    console.write_str("back").unwrap();
    for _ in 0..3 {
        reader()(1);
        console.write(&[b'x'; 2048]).unwrap();
        let text = || write!(console, "{wait:?}{id}").unwrap();
        while_peer_writes(&world, wait, Duration::from_millis(600), reader(), text);
    }
}

/// D-C04.
#[test]
fn busy_reader_does_not_extend_waits() {
    let world = World::new(1);
    let (guest, ring) = unread(&world);
    let (id, port) = (guest.id(), ring.port);
    let mut console = Console::primary(ring);
    let (wait, period) = (Duration::from_secs(1), Duration::from_millis(1));
    let limit = wait + period;
    let notify = || {
        let world = world.clone();
        move |_| world.inject_event(id, port)
    };
    let deadline = guest.now() + wait;
    let written = while_peer_writes(&world, limit, period, notify(), || {
        console.write_all(&[b'x'; 3000], deadline)
    });
    assert_eq!(written, Err(ConsoleError::Timeout { written: 2048, len: 3000 }));
    let deadline = guest.now() + wait;
    let flushed = while_peer_writes(&world, limit, period, notify(), || console.flush(deadline));
    assert_eq!(flushed, Err(ConsoleError::Timeout { written: 0, len: 2048 }));
}

/// D-C01.
#[test]
fn corrupt_index_is_permanent() {
    let world = World::new(1);
    let (guest, ring) = unread(&world);
    let page = ring.page.as_ref();
    let channel = Channel::from_toolstack(guest.clone(), ring.port);
    let mut console = Console::new(guest.clone(), &ring.page, channel);
    page.u32::<IN_PROD>().store(1025, Relaxed);
    let mut buffer = [0xee; 8];
    let corrupt = ConsoleError::Ring(Corrupt { found: 1025, own: 0, limit: 1024 });
    assert_eq!((console.read(&mut buffer), buffer), (Err(corrupt), [0xee; 8]));
    page.u32::<IN_PROD>().store(1, Relaxed);
    assert_eq!(console.read(&mut buffer), Err(corrupt));
    // The other direction still works, until it is broken too.
    assert_eq!(console.write(b"ok"), Ok(2));
    page.u32::<OUT_CONS>().store(3, Relaxed);
    assert!(matches!(console.write(b"no"), Err(ConsoleError::Ring(_))));
    assert!(console.write_str("no").is_err());
    assert!(matches!(console.flush(guest.now()), Err(ConsoleError::Ring(_))));
    assert_eq!(page.u32::<OUT_PROD>().load(Relaxed), 2);
}

#[test]
fn hypervisor_console_serves_dom0_only() {
    let world = World::new(1);
    let mut console = HypervisorConsole(world.dom0());
    writeln!(console, "hello {}", 42).unwrap();
    assert_eq!(world.dom0().hypervisor_console(), b"hello 42\n");
    world.dom0().type_on_hypervisor_console(b"ls");
    let mut buffer = [0; 8];
    assert_eq!((console.read(&mut buffer), &buffer[..2]), (Ok(2), b"ls".as_slice()));
    let guest = HypervisorConsole(world.create(DomainConfig::new("guest")));
    assert_eq!(guest.write_all(b"x"), Err(Errno::EPERM));
    assert_eq!(guest.read(&mut [0]), Err(Errno::EPERM));
    // Without a byte there is nothing to ask of Xen.
    assert_eq!((guest.write_all(b""), guest.read(&mut [])), (Ok(()), Ok(0)));
}
