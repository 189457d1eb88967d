//! Mask reasons and storm throttling.

use super::{Events, PORT, model_of_few_switches, start, work_then};
use crate::{Eoi, Event, EventDispatcher};
use core::time::Duration;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use xen_hypercall::Instant;

const NOW: Instant = Instant::from_nanos(1_000_000_000);

/// Runs an upcall whose handler leaves the end of interrupt for later.
fn delivered(dispatcher: &EventDispatcher<1>, events: &Events) -> Option<Event> {
    let mut delivered = None;
    dispatcher.on_upcall(events, 0, |event| delivered = Some(event));
    delivered
}

#[test]
fn work_around_eoi_is_seen() {
    loom::model(|| {
        let (xen, events) = start();
        let dispatcher = EventDispatcher::<1>::new();
        dispatcher.bind(&events, PORT).unwrap();
        xen.send();
        let event = delivered(&dispatcher, &events).expect("the port has an event");
        let (work, sender) = work_then(move || xen.send());
        let seen = work.load(Relaxed);
        dispatcher.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        sender.join().unwrap();
        assert!(seen || xen.interrupts(), "work was missed, and no interrupt comes");
    });
}

/// D-E01.
#[test]
fn event_around_mask_is_delivered() {
    model_of_few_switches(|| {
        let (xen, events) = start();
        let dispatcher = Arc::new(EventDispatcher::<1>::new());
        dispatcher.bind(&events, PORT).unwrap();
        xen.send();
        let driver = thread::spawn({
            let (events, dispatcher) = (events.clone(), dispatcher.clone());
            move || {
                dispatcher.mask(&events, PORT);
                dispatcher.unmask(&events, PORT).unwrap();
            }
        });
        let mut delivered = false;
        dispatcher.on_upcall(&events, 0, |event| {
            delivered = true;
            dispatcher.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        });
        driver.join().unwrap();
        assert!(delivered || xen.interrupts(), "an event was neither delivered nor kept");
        // The next event is delivered.
        dispatcher.on_upcall(&events, 0, |event| {
            dispatcher.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        });
        xen.send();
        assert!(xen.interrupts(), "the port stays masked without a reason");
    });
}

#[test]
fn port_is_handled_by_one_vcpu() {
    loom::model(|| {
        let (xen, events) = start();
        let dispatcher = Arc::new(EventDispatcher::<1>::new());
        dispatcher.bind(&events, PORT).unwrap();
        let state = Arc::new(UnsafeCell::new(0));
        xen.send();
        xen.select(1);
        let other = thread::spawn({
            let (events, dispatcher, state) = (events.clone(), dispatcher.clone(), state.clone());
            move || {
                dispatcher.on_upcall(&events, 1, |event| {
                    // SAFETY: loom fails the model if another access can come at the same time.
                    state.with_mut(|state| unsafe { *state += 1 });
                    dispatcher.eoi(&events, event, Eoi::Handled, NOW).unwrap();
                    xen.send();
                });
            }
        });
        dispatcher.on_upcall(&events, 0, |event| {
            // SAFETY: as above.
            state.with_mut(|state| unsafe { *state += 1 });
            dispatcher.eoi(&events, event, Eoi::Handled, NOW).unwrap();
        });
        other.join().unwrap();
        dispatcher.on_upcall(&events, 0, |_| {});
        // SAFETY: as above.
        state.with(|state| assert!(unsafe { *state } >= 1));
    });
}

/// D-E01.
#[test]
fn delay_during_expire_ends_later() {
    loom::model(|| {
        let (xen, events) = start();
        let dispatcher = Arc::new(EventDispatcher::<1>::new());
        dispatcher.bind(&events, PORT).unwrap();
        let spurious = |dispatcher: &EventDispatcher<1>, event| {
            dispatcher.eoi(&events, event, Eoi::Spurious, NOW).unwrap()
        };
        loop {
            xen.send();
            let event = delivered(&dispatcher, &events).expect("the port has an event");
            if let Some(until) = spurious(&dispatcher, event) {
                dispatcher.expire(&events, until);
                break;
            }
        }
        xen.send();
        let event = delivered(&dispatcher, &events).expect("the port has an event");
        let late = NOW + Duration::from_secs(9);
        let timer = thread::spawn({
            let (events, dispatcher) = (events.clone(), dispatcher.clone());
            move || {
                dispatcher.expire(&events, late);
            }
        });
        assert!(spurious(&dispatcher, event).is_some());
        timer.join().unwrap();
        dispatcher.expire(&events, late);
        dispatcher.on_upcall(&events, 0, |_| {});
        xen.send();
        assert!(xen.interrupts(), "the delay never ends");
    });
}
