//! Masks with reasons, and the budget against storms.

use super::{Events, PORT, model_of_few_switches, start, work_then};
use crate::{Eoi, Event, EventDispatcher};
use core::time::Duration;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use xen_hypercall::Instant;

const NOW: Instant = Instant::from_nanos(1_000_000_000);

/// Runs an upcall with a handler that leaves the end for later.
fn delivered(lines: &EventDispatcher<1>, events: &Events) -> Option<Event> {
    let mut delivered = None;
    lines.on_upcall(events, 0, |event| delivered = Some(event));
    delivered
}

#[test]
fn work_that_comes_around_the_end_is_seen_or_interrupts() {
    loom::model(|| {
        let (xen, events) = start();
        let lines = EventDispatcher::<1>::new();
        lines.bind(&events, PORT).unwrap();
        xen.send();
        let event = delivered(&lines, &events).expect("the port has an event");
        let (work, sender) = work_then(move || xen.send());
        let seen = work.load(Relaxed);
        lines.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        sender.join().unwrap();
        assert!(
            seen || xen.interrupts(),
            "the work behind an event was not seen, and no interrupt comes"
        );
    });
}

#[test]
fn d_e01_a_mask_and_its_end_around_an_event_leave_the_port_alive() {
    model_of_few_switches(|| {
        let (xen, events) = start();
        let lines = Arc::new(EventDispatcher::<1>::new());
        lines.bind(&events, PORT).unwrap();
        xen.send();
        let driver = thread::spawn({
            let (events, lines) = (events.clone(), lines.clone());
            move || {
                lines.mask(&events, PORT);
                lines.unmask(&events, PORT).unwrap();
            }
        });
        let mut delivered = false;
        lines.on_upcall(&events, 0, |event| {
            delivered = true;
            lines.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        });
        driver.join().unwrap();
        assert!(delivered || xen.interrupts(), "an event was neither delivered nor kept");
        // And the next one is delivered.
        lines.on_upcall(&events, 0, |event| {
            lines.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        });
        xen.send();
        assert!(xen.interrupts(), "the port stays masked for no reason");
    });
}

#[test]
fn two_vcpus_never_handle_a_port_at_the_same_time() {
    loom::model(|| {
        let (xen, events) = start();
        let lines = Arc::new(EventDispatcher::<1>::new());
        lines.bind(&events, PORT).unwrap();
        let state = Arc::new(UnsafeCell::new(0));
        xen.send();
        xen.select(1);
        let other = thread::spawn({
            let (events, lines, state) = (events.clone(), lines.clone(), state.clone());
            move || {
                lines.on_upcall(&events, 1, |event| {
                    // SAFETY: the checker fails the model if another access can come at the same
                    // time.
                    state.with_mut(|state| unsafe { *state += 1 });
                    lines.eoi(&events, event, Eoi::Handled, NOW).unwrap();
                    xen.send();
                });
            }
        });
        lines.on_upcall(&events, 0, |event| {
            // SAFETY: as above.
            state.with_mut(|state| unsafe { *state += 1 });
            lines.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        });
        other.join().unwrap();
        lines.on_upcall(&events, 0, |_| {});
        // SAFETY: as above.
        state.with(|state| assert!(unsafe { *state } >= 1));
    });
}

#[test]
fn d_e01_a_wait_that_begins_while_others_end_is_ended_by_the_next_timer() {
    loom::model(|| {
        let (xen, events) = start();
        let lines = Arc::new(EventDispatcher::<1>::new());
        lines.bind(&events, PORT).unwrap();
        let spurious = |lines: &EventDispatcher<1>, event| {
            lines.eoi(&events, event, Eoi::Spurious, NOW).unwrap()
        };
        loop {
            xen.send();
            let event = delivered(&lines, &events).expect("the port has an event");
            if let Some(until) = spurious(&lines, event) {
                lines.expire(&events, until);
                break;
            }
        }
        xen.send();
        let event = delivered(&lines, &events).expect("the port has an event");
        let late = NOW + Duration::from_secs(9);
        let timer = thread::spawn({
            let (events, lines) = (events.clone(), lines.clone());
            move || {
                lines.expire(&events, late);
            }
        });
        assert!(spurious(&lines, event).is_some());
        timer.join().unwrap();
        lines.expire(&events, late);
        lines.on_upcall(&events, 0, |_| {});
        xen.send();
        assert!(xen.interrupts(), "the wait never ends");
    });
}
