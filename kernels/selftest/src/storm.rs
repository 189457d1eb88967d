//! EventDispatcher on real event words: a port that has events without work waits, another one does
//! not, and work ends the wait.

use crate::report::{Report, is};
use crate::smp::until;
use alloc::vec::Vec;
use core::time::Duration;
use xen_evtchn::{Channel, Eoi, EventDispatcher};
use xen_hypercall::{Errno, Instant, Platform};

/// Events of the storm, each with another port's beside it.
const EVENTS: u32 = 10_000;
/// Time between two events, as passed to the dispatch: the result does not depend on the speed of
/// the machine.
const BETWEEN: Duration = Duration::from_micros(10);
/// Four are free, and a wait twice as long as the one before follows each: seven fill the tenth of
/// a second.
const TOLD: u32 = 4 + 7;

static DISPATCHER: EventDispatcher<16> = EventDispatcher::new();

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
    let unmasked = ports.iter().try_for_each(|channel| events.unmask(channel.port()));
    t.fact("two ports for a storm without end", ports.len() == 2 && unmasked.is_ok());
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
        xen.sleep_unless(|| false);
        let left = ports.iter().any(|channel| events.is_pending(channel.port()));
        (sent && left).then_some(delivered)
    });
    t.fact("an upcall ends in a storm", delivered.is_some_and(|delivered| delivered < ENDLESS));
    let gone = || !ports.iter().any(|channel| events.is_pending(channel.port()));
    t.fact("the next one takes what it left", until(xen, gone));
}

/// Tries it in the format that is in use.
pub(crate) fn test(t: &mut Report) {
    endless(t);
    let xen = t.xen;
    let ports = (Channel::bind_ipi(xen, 0), Channel::bind_ipi(xen, 0));
    let (Ok(storm), Ok(other)) = ports else { return t.fact("two ports for a storm", false) };
    let events = xen.events();
    let bound =
        [&storm, &other].iter().try_for_each(|channel| DISPATCHER.bind(events, channel.port()));
    t.line("EventDispatcher::bind", &[], bound, is(()));

    let start = xen.now();
    let (mut told, mut timer) = (Told::default(), None);
    // One event of each port, and one check, at a time.
    let mut round = |at: Instant, work: Eoi| -> Result<(u32, u32), Errno> {
        storm.notify()?;
        other.notify()?;
        if timer.is_some_and(|due| due <= at) {
            timer = DISPATCHER.expire(events, at);
        }
        let mut refused = Ok(());
        DISPATCHER.on_upcall(events, 0, |event| {
            let (count, work) = if event.port() == storm.port() {
                (&mut told.storm, work)
            } else {
                (&mut told.other, Eoi::Handled)
            };
            *count += 1;
            match DISPATCHER.eoi(events, event, work, at) {
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
    [&storm, &other].iter().for_each(|channel| DISPATCHER.unbind(events, channel.port()));
}
