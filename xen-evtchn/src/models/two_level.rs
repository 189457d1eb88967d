//! The 2-level format.

use super::{PORT, model_of_few_switches, start, work_then};
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;

/// D-E03.
#[test]
fn event_around_unmask_interrupts() {
    loom::model(|| {
        let (xen, events) = start();
        let sender = thread::spawn(move || xen.send());
        events.unmask(PORT).unwrap();
        sender.join().unwrap();
        assert!(
            xen.interrupts(),
            "an event is pending on an unmasked port, and no interrupt comes"
        );
    });
}

#[test]
fn event_during_upcall_is_handled() {
    loom::model(|| {
        let (xen, events) = start();
        events.unmask(PORT).unwrap();
        xen.send();
        let (work, sender) = work_then(move || xen.send());
        let mut seen = false;
        events.on_upcall(0, |port| {
            assert_eq!(port, PORT);
            seen = work.load(Relaxed);
        });
        sender.join().unwrap();
        assert!(seen || xen.interrupts(), "work was missed, and no interrupt comes");
    });
}

#[test]
fn mask_in_handler_keeps_events() {
    model_of_few_switches(|| {
        let (xen, events) = start();
        events.unmask(PORT).unwrap();
        xen.send();
        let (work, sender) = work_then(move || xen.send());
        // Mask in the handler, check later, unmask: the way of a driver that polls.
        events.on_upcall(0, |port| events.mask(port));
        let seen = work.load(Relaxed);
        events.unmask(PORT).unwrap();
        sender.join().unwrap();
        assert!(seen || xen.interrupts(), "work was missed, and no interrupt comes");
    });
}

#[test]
fn polled_port_keeps_events() {
    loom::model(|| {
        let (xen, events) = start();
        let (work, sender) = work_then(move || xen.send());
        let taken = events.take_pending(PORT);
        let seen = work.load(Relaxed);
        sender.join().unwrap();
        assert!(!taken || seen, "the event was taken without its work");
        assert!(seen || events.is_pending(PORT), "the work was not seen, and the event is gone");
    });
}

#[test]
fn pending_port_shows_work() {
    loom::model(|| {
        let (xen, events) = start();
        let (work, sender) = work_then(move || xen.send());
        if events.is_pending(PORT) {
            assert!(work.load(Relaxed), "the event is seen before its work");
        }
        sender.join().unwrap();
    });
}

#[test]
fn event_is_delivered_to_one_vcpu() {
    loom::model(|| {
        let (xen, events) = start();
        events.unmask(PORT).unwrap();
        xen.send();
        // Both have the word selected: the second one owns another port of it.
        xen.select(1);
        let other = thread::spawn({
            let events = events.clone();
            move || {
                let mut delivered = 0;
                events.on_upcall(1, |_| delivered += 1);
                delivered
            }
        });
        let mut delivered = 0;
        events.on_upcall(0, |_| delivered += 1);
        assert_eq!(delivered + other.join().unwrap(), 1);
    });
}

#[test]
fn event_around_a_move_is_delivered() {
    model_of_few_switches(|| {
        let (xen, events) = start();
        events.opened(PORT, 0).unwrap();
        events.add_vcpu(1).unwrap();
        let unmask = thread::spawn({
            let events = events.clone();
            move || events.unmask(PORT).unwrap()
        });
        let second = thread::spawn({
            let events = events.clone();
            move || {
                let mut delivered = 0;
                xen.send();
                if xen.interrupts_vcpu(1) {
                    events.on_upcall(1, |_| delivered += 1);
                }
                delivered
            }
        });
        events.bind_vcpu(PORT, 1).unwrap();
        unmask.join().unwrap();
        let mut delivered = second.join().unwrap();
        for vcpu in 0..2 {
            if xen.interrupts_vcpu(vcpu) {
                events.on_upcall(vcpu as u32, |_| delivered += 1);
            }
        }
        assert_eq!(delivered, 1, "the event is delivered once");
    });
}

#[test]
fn mask_by_handler_survives_unmask() {
    model_of_few_switches(|| {
        let (xen, events) = start();
        let handler = thread::spawn({
            let events = events.clone();
            move || {
                let mut ran = false;
                xen.send();
                if xen.interrupts() {
                    events.on_upcall(0, |port| {
                        events.mask(port);
                        ran = true;
                    });
                }
                xen.send();
                ran
            }
        });
        events.unmask(PORT).unwrap();
        if handler.join().unwrap() {
            assert!(xen.is_masked(), "its handler has masked the port");
        } else {
            assert!(
                xen.interrupts(),
                "an event is pending on an unmasked port, and no interrupt comes"
            );
        }
    });
}

#[test]
fn port_opened_during_add_is_foreign() {
    loom::model(|| {
        let (xen, events) = start();
        // The first vCPU has a page; the second one gets it meanwhile.
        events.add_vcpu(0).unwrap();
        let adding = thread::spawn({
            let events = events.clone();
            move || events.add_vcpu(1).unwrap()
        });
        events.opened(PORT, 0).unwrap();
        adding.join().unwrap();
        events.unmask(PORT).unwrap();
        xen.send();
        xen.select(1);
        events.on_upcall(1, |_| panic!("delivered on another vCPU"));
        assert!(xen.interrupts());
    });
}
