//! Ports of two domains, opened, notified, masked, closed in any order, and a shared info page full
//! of nonsense.

use crate::fixture::{check, small};
use crate::input::values;
use arbitrary::Arbitrary;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use xen_evtchn::{Channel, EventChannels};
use xen_hypercall::{Platform, Port, boot};
use xen_sim::{Domain, World};

#[derive(Arbitrary, Debug)]
enum Call {
    Open,
    Close(u8),
    /// From the far end.
    Notify(u8),
    Mask(u8),
    Unmask(u8),
    Upcall(u8),
    TakePending(u16),
    Priority(u8, u8),
    /// A spurious event.
    Inject(u16),
    /// A word that Xen would not write so.
    Word(u16, u64),
    Other(u32),
}

struct Pair {
    near: Channel<Domain>,
    far: Channel<Domain>,
    masked: bool,
    /// Sent since it was last handled.
    due: bool,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((&fifo, calls)) = data.split_first() else { return };
    let world = World::new(1);
    let (guest, peer) = (world.create(small("guest")), world.create(small("peer")));
    let info = boot::shared_info(guest.clone()).expect("a new domain has room for it");
    let events = if fifo % 2 == 0 {
        EventChannels::new(guest.clone(), info)
    } else {
        EventChannels::with_fifo(guest.clone(), info).expect("the simulated Xen has it")
    };
    let mut pairs = Vec::<Pair>::new();
    // What Xen promises no longer holds when its words were overwritten.
    let mut sound = true;
    for call in values(calls, 200) {
        let find = |which: u8, pairs: &Vec<Pair>| usize::from(which).checked_rem(pairs.len());
        match call {
            Call::Open if pairs.len() < 100 => {
                let Ok(near) = Channel::alloc_unbound(guest.clone(), peer.id()) else { continue };
                if events.opened(near.port(), 0).is_err() {
                    continue;
                }
                events.mask(near.port());
                let far = Channel::bind_interdomain(peer.clone(), guest.id(), near.port());
                let far = far.expect("the port waits for it");
                pairs.push(Pair { near, far, masked: true, due: false });
            }
            Call::Open => {}
            Call::Close(which) => {
                if let Some(index) = find(which, &pairs) {
                    let pair = pairs.swap_remove(index);
                    events.closing(pair.near.port());
                }
            }
            Call::Notify(which) => {
                if let Some(index) = find(which, &pairs) {
                    pairs[index].far.notify().expect("both ends are open");
                    pairs[index].due = true;
                }
            }
            Call::Mask(which) => {
                if let Some(index) = find(which, &pairs) {
                    events.mask(pairs[index].near.port());
                    pairs[index].masked = true;
                }
            }
            Call::Unmask(which) => {
                if let Some(index) = find(which, &pairs) {
                    events.unmask(pairs[index].near.port()).expect("the port is open");
                    pairs[index].masked = false;
                }
            }
            Call::Upcall(vcpu) => {
                let handled = RefCell::new(BTreeSet::new());
                events
                    .on_upcall((vcpu % 4).into(), |port| drop(handled.borrow_mut().insert(port.0)));
                let handled = handled.into_inner();
                for pair in pairs.iter_mut().filter(|_| vcpu % 4 == 0) {
                    let came = handled.contains(&pair.near.port().0);
                    assert!(
                        came || pair.masked || !pair.due || !sound,
                        "an event was lost on {:?}",
                        pair.near
                    );
                    assert!(!came || !pair.masked || !sound, "a masked port was handled");
                    pair.due &= !came;
                }
            }
            Call::TakePending(port) => {
                let port = Port(port.into());
                let taken = events.take_pending(port);
                for pair in pairs.iter_mut().filter(|pair| taken && pair.near.port() == port) {
                    pair.due = false;
                }
            }
            Call::Priority(which, priority) => {
                if let Some(index) = find(which, &pairs) {
                    let _ = pairs[index].near.set_priority(priority.into());
                }
            }
            Call::Inject(port) => world.inject_event(guest.id(), Port(port.into())),
            Call::Word(at, value) => {
                sound = false;
                // Not the clock, and not where other information lies.
                let at = usize::from(at) * 8 % 3072;
                let _ = events.shared_info().as_ref().write(at, &value);
                let selector = events.shared_info().as_ref().u64::<8>();
                selector.store(value.rotate_left(7), Relaxed);
            }
            Call::Other(port) => {
                let port = Port(port);
                events.mask(port);
                let _ = events.is_pending(port);
                let _ = events.unmask(port);
                sound &= !pairs.iter().any(|pair| pair.near.port() == port);
            }
        }
    }
    drop(pairs);
    drop(events);
    let _ = guest.now();
    if sound {
        check(&world);
    }
}
