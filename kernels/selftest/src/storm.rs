//! Storm budgets of the dispatcher on real event words: a port with events without work is delayed,
//! another one is not, and work ends the delay.

use crate::report::{Report, is};
use crate::smp::{ipi, taken, until};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use core::time::Duration;
use xen_evtchn::{Channel, Eoi};
use xen_hypercall::{Errno, Instant, Platform, Port};

/// Events of the storm, each with another port's beside it.
const EVENTS: u32 = 10_000;
/// Time between two events, as passed to the dispatch: the result does not depend on the speed of
/// the machine.
const BETWEEN: Duration = Duration::from_micros(10);
/// Four are free, and a wait twice as long as the one before follows each: seven fill the tenth of
/// a second.
const TOLD: u32 = 4 + 7;

/// The port of a flood, whose events have no work.
static FLOODED: AtomicU32 = AtomicU32::new(0);

/// Returns the finding of the upcall's handler.
pub(crate) fn finding(port: Port) -> Eoi {
    if port.0 == FLOODED.load(SeqCst) { Eoi::Spurious } else { Eoi::Handled }
}

/// Delivered events of the storm's port, and of the other one.
#[derive(Default)]
struct Told {
    storm: u32,
    other: u32,
}

/// Events after which a storm ends that an upcall did not.
const ENDLESS: u32 = 200_000;

/// Tests a peer that sends after each taken event: it keeps no upcall busy, and the rest comes by
/// the next upcall.
fn endless(t: &mut Report) {
    let xen = t.xen;
    let ports: Vec<_> = (0..2).flat_map(|_| Channel::bind_ipi(xen, 0)).collect();
    let events = xen.events();
    let bind = |channel: &Channel<_>| xen.dispatcher().bind(events, channel.port());
    let bound = ports.iter().try_for_each(bind);
    t.fact("two ports for a storm without end", ports.len() == 2 && bound.is_ok());
    let delivered = xen.without_upcalls(|| {
        let mut delivered = 0;
        let send = |channel: &Channel<_>| channel.notify().is_ok();
        let sent = ports.iter().all(send);
        events.on_upcall(0, |port| {
            delivered += 1;
            if delivered < ENDLESS {
                ports.iter().filter(|channel| channel.port() == port).all(send);
            }
        });
        // It would enable them, and an upcall would take what is left.
        xen.wait(&[], Some(xen.now() + Duration::from_millis(1)));
        xen.sleep_unless(None, || false);
        let left = ports.iter().any(|channel| events.is_pending(channel.port()));
        (sent && left).then_some(delivered)
    });
    t.fact("an upcall ends in a storm", delivered.is_some_and(|delivered| delivered < ENDLESS));
    let gone = || !ports.iter().any(|channel| events.is_pending(channel.port()));
    t.fact("the next one takes what it left", until(xen, gone));
}

/// Tests the upcall of this kernel: a flooded port has a few events, and another one has all.
fn flood(t: &mut Report) {
    const ROUNDS: u32 = 1_000;
    let xen = t.xen;
    let (Ok(flooded), Ok(other)) = (ipi(xen, 0), ipi(xen, 0)) else {
        return t.fact("two ports for a flood", false);
    };
    let before = (taken(0, &flooded), taken(0, &other));
    let counts = || (taken(0, &flooded) - before.0, taken(0, &other) - before.1);
    FLOODED.store(flooded.port().0, SeqCst);
    let start = xen.now();
    let come = (1..=ROUNDS).all(|round| {
        let sent = flooded.notify().is_ok() && other.notify().is_ok();
        sent && until(xen, || counts().1 == round)
    });
    t.fact("events come on the other port", come);
    // Each delay is twice as long as the one before, up to a second.
    let millis = xen.now().saturating_duration_since(start).as_millis() as u32;
    let limit = 4 + 2 + millis.min(1_024).ilog2().max(1) + 1 + millis / 1_000;
    let flooded_events = counts().0;
    t.fact("a few come on the flooded one", (5..=limit).contains(&flooded_events));
    FLOODED.store(0, SeqCst);
    let later = flooded.notify().is_ok() && until(xen, || counts().0 > flooded_events);
    t.fact("the last one comes after its delay", later);
    let work = flooded.notify().is_ok() && until(xen, || counts().0 >= flooded_events + 2);
    t.fact("work ends the delays", work);
}

/// Tries it in the format that is in use.
pub(crate) fn test(t: &mut Report) {
    endless(t);
    flood(t);
    let xen = t.xen;
    let ports = (Channel::bind_ipi(xen, 0), Channel::bind_ipi(xen, 0));
    let (Ok(storm), Ok(other)) = ports else { return t.fact("two ports for a storm", false) };
    let events = xen.events();
    let bound = [&storm, &other]
        .iter()
        .try_for_each(|channel| xen.dispatcher().bind(events, channel.port()));
    t.line("EventDispatcher::bind", &[], bound, is(()));

    let start = xen.now();
    let (mut told, mut timer) = (Told::default(), None);
    // One event of each port, and one check, at a time.
    let mut round = |at: Instant, work: Eoi| -> Result<(u32, u32), Errno> {
        storm.notify()?;
        other.notify()?;
        if timer.is_some_and(|due| due <= at) {
            timer = xen.dispatcher().expire(events, at);
        }
        let mut refused = Ok(());
        xen.dispatcher().on_upcall(events, 0, |event| {
            let (count, work) = if event.port() == storm.port() {
                (&mut told.storm, work)
            } else {
                (&mut told.other, Eoi::Handled)
            };
            *count += 1;
            match xen.dispatcher().eoi(events, event, work, at) {
                Ok(None) => {}
                Ok(until) => timer = until,
                Err(errno) => refused = Err(errno),
            }
        });
        refused.map(|()| (told.storm, told.other))
    };
    let stormed = xen.without_upcalls(|| {
        (0..EVENTS).try_fold((0, 0), |_, n| round(start + BETWEEN * n, Eoi::Spurious))
    });
    t.line("events delivered in a storm on one of two ports", &[], stormed, is((TOLD, EVENTS)));
    // A second later every wait is over, and the storm's port has work.
    let later = start + Duration::from_secs(2);
    let recovered = xen.without_upcalls(|| {
        (0..100).try_fold((0, 0), |_, n| round(later + BETWEEN * n, Eoi::Handled))
    });
    t.line("events delivered after it", &[], recovered, is((TOLD + 100, EVENTS + 100)));
    [&storm, &other].iter().for_each(|channel| xen.dispatcher().unbind(events, channel.port()));
}
