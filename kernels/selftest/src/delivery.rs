//! Delivery of events to two vCPUs: each is taken once, by upcall, by the vCPU that it is
//! for, in both formats.

use crate::report::{Report, fails, is};
use crate::smp::{Exchange, Open, forget, ipi, taken, unmasked, until};
use crate::{lines, storm};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use xen_evtchn::{Abi, Channel};
use xen_hypercall::{DomId, Errno, Platform, Port};
use xen_kernel_rt::early_println;

/// Rounds of the exchange in the FIFO format, unless the command line has `rounds=N`; a tenth of
/// them in the two-level one, and in an HVM guest.
const ROUNDS: u32 = 100_000;

/// Concurrent exchanges: as many events come with one upcall, if the vCPUs take turns.
const EXCHANGES: u32 = 16;

/// Ports that are open at a time: beyond the 1,024 of 32-bit guests in two levels, beyond the 4,096
/// of 64-bit ones in FIFO queues.
const TWO_LEVEL_PORTS: u32 = 1_500;
const FIFO_PORTS: u32 = 5_000;

fn rounds(t: &Report) -> u32 {
    // It has no command line, and the upcall is that of a PVH guest.
    if t.hvm {
        return ROUNDS / 10;
    }
    let mut words = t.xen.command_line().split_whitespace();
    words.find_map(|word| word.strip_prefix("rounds=")?.parse().ok()).unwrap_or(ROUNDS)
}

/// Tests the two-level format.
pub(crate) fn two_level(t: &mut Report) {
    t.fact("events are in the two-level format", t.xen.events().abi() == Abi::TwoLevel);
    exchange(t, rounds(t) / 10);
    many(t, TWO_LEVEL_PORTS, 1_024);
    moved(t);
    storm::test(t);
    lines::test(t);
    let priority = ipi(t.xen, 0).and_then(|port| port.set_priority(3));
    t.line("a priority", &[], priority, fails(Errno::ENOSYS));
}

/// Changes to the FIFO format, for good, and tests it.
pub(crate) fn fifo(t: &mut Report) {
    t.line("Rt::use_fifo_events", &[], t.xen.use_fifo_events(), is(()));
    t.fact("events are in the FIFO format", t.xen.events().abi() == Abi::Fifo);
    exchange(t, rounds(t));
    many(t, FIFO_PORTS, 4_096);
    moved(t);
    storm::test(t);
    lines::test(t);
    priorities(t);
}

fn exchange(t: &mut Report, rounds: u32) {
    let start = t.xen.now();
    let Ok(exchange) = Exchange::start(t.xen, EXCHANGES as usize, rounds / EXCHANGES) else {
        return t.fact("ports for round trips", false);
    };
    exchange.wait();
    let took = t.xen.now().saturating_duration_since(start);
    let rounds = rounds / EXCHANGES * EXCHANGES;
    let (there, back, wrong) = exchange.taken();
    t.line("events taken by vCPU 1", &[], Ok::<_, Errno>(there), is(rounds));
    t.line("events taken by vCPU 0", &[], Ok::<_, Errno>(back), is(rounds));
    t.line("events taken by the wrong vCPU", &[], Ok::<_, Errno>(wrong), is(0));
    early_println!(
        "a round trip between the vCPUs takes {} ns",
        took.as_nanos() / u128::from(rounds.max(1))
    );
}

/// Opens `count` ports for the two vCPUs in turn, while events come; each then has an event.
fn many(t: &mut Report, count: u32, beyond: u32) {
    let xen = t.xen;
    let Ok(mut exchange) = Exchange::start(xen, 1, u32::MAX) else {
        return t.fact("ports for round trips", false);
    };
    let mut ports: Vec<Open> = Vec::with_capacity(count as usize);
    let opened = (0..count).try_for_each(|index| ipi(xen, index % 2).map(|port| ports.push(port)));
    t.line("opening ports", &[alloc::format!("{count}")], opened, is(()));
    let highest = ports.iter().map(|port| port.port().0).max().unwrap_or(0);
    t.fact("the highest is beyond the old limit", highest > beyond);
    let sent = ports.iter().try_for_each(Channel::notify);
    t.line("an event for each", &[], sent, is(()));
    let per_vcpu = |vcpu: u32| ports.iter().map(|port| u64::from(taken(vcpu, port))).sum::<u64>();
    until(xen, || per_vcpu(0) + per_vcpu(1) >= u64::from(count));
    exchange.stop();
    exchange.wait();
    let (there, back, wrong) = exchange.taken();
    t.fact(
        "other events came all the while, none too many",
        there > 1 && there == back && wrong == 0,
    );
    let right = ports
        .iter()
        .zip(0..)
        .filter(|(port, index)| taken(index % 2, port) == 1 && taken(1 - index % 2, port) == 0);
    t.line(
        "ports whose event was taken once, by the right vCPU",
        &[],
        Ok::<_, Errno>(right.count()),
        is(count as usize),
    );
}

/// Moves a port from one vCPU to the other, and back.
fn moved(t: &mut Report) {
    forget();
    let xen = t.xen;
    let two_ends = || {
        let a = Channel::alloc_unbound(xen, DomId::SELF)?;
        let b = Channel::bind_interdomain(xen, DomId::SELF, a.port())?;
        // It is pending since it was bound.
        xen.events().take_pending(b.port());
        Ok::<_, Errno>((a, unmasked(xen, b)?))
    };
    let Ok((a, b)) = two_ends() else { return t.fact("a port with two ends", false) };
    for (vcpu, round) in [(0, 1), (1, 1), (0, 2)] {
        t.line(
            "moving a port",
            &[alloc::format!("to vCPU {vcpu}")],
            xen.dispatcher().bind_vcpu(xen.events(), b.port(), vcpu),
            is(()),
        );
        t.line("an event", &[], a.notify(), is(()));
        t.fact("that vCPU took it", until(xen, || taken(vcpu, &b) == round));
    }
    t.line("events in all", &[], Ok::<_, Errno>(taken(0, &b) + taken(1, &b)), is(3));
}

/// Ports of which [`ORDER`] is kept, each in the place of its priority.
static RANKED: [AtomicU32; 16] = [const { AtomicU32::new(0) }; 16];
/// The priorities of the events that came, in their order.
static ORDER: [AtomicU32; 32] = [const { AtomicU32::new(0) }; 32];
static CAME: AtomicUsize = AtomicUsize::new(0);

/// Notes, in the upcall, which event comes when.
pub(crate) fn note(port: Port) {
    if let Some(rank) =
        RANKED.iter().position(|ranked| port.0 != 0 && ranked.load(SeqCst) == port.0)
        && let Some(place) = ORDER.get(CAME.fetch_add(1, SeqCst))
    {
        place.store(rank as u32, SeqCst);
    }
}

/// Sends events to ports of all priorities, the least urgent first, while no upcall is taken.
fn priorities(t: &mut Report) {
    let xen = t.xen;
    let mut ports = Vec::new();
    for (priority, ranked) in (0..).zip(&RANKED) {
        let Ok(port) = ipi(xen, 0) else { return t.fact("a port for each priority", false) };
        t.line(
            "setting a priority",
            &[alloc::format!("{priority}")],
            port.set_priority(priority),
            is(()),
        );
        ranked.store(port.port().0, SeqCst);
        ports.push(port);
    }
    if let Some(port) = ports.first() {
        t.line("setting a priority", &["16".into()], port.set_priority(16), fails(Errno::EINVAL));
    }
    let sent = xen.without_upcalls(|| ports.iter().rev().try_for_each(Channel::notify));
    t.line("an event for each, the least urgent first", &[], sent, is(()));
    until(xen, || CAME.load(SeqCst) >= ports.len());
    let order: Vec<u32> =
        ORDER.iter().take(CAME.load(SeqCst)).map(|place| place.load(SeqCst)).collect();
    t.line("the order of the events", &[], Ok::<_, Errno>(order), is((0..16).collect()));
    RANKED.iter().for_each(|ranked| ranked.store(0, SeqCst));
}
