//! The kernel: runs the conformance suite over its ring, then connects anew, then breaks the ring.

#![no_std]
#![no_main]

use core::error::Error;
use core::sync::atomic::Ordering;
use core::time::Duration;
use xen_hypercall::{DomId, Platform, SharedMem, boot, ops};
use xen_kernel_rt::{Rt, early_println};
use xen_store::{RingTransport, XenStore, XsOps};
use xen_sys::io::xs_wire::{ServerFeatures, XenstoreDomainInterface};
use xenstored::conformance;

extern crate alloc;

xen_kernel_rt::entry!(main);

fn main(xen: Rt) {
    match run(xen) {
        Ok(()) => early_println!("suite: end"),
        Err(error) => early_println!("suite: FAILED {error}"),
    }
}

fn run(xen: Rt) -> Result<(), alloc::boxed::Box<dyn Error>> {
    let domain = domain(xen)?;
    let ring = boot::xenstore_ring(xen)?;
    let transport = RingTransport::new(xen, ring.page, ring.port);
    early_println!("suite: features {:?}", transport.server_features());
    let report =
        conformance::run(&xen, transport, ring.port, domain, |name, result| match result {
            Ok(()) => early_println!("suite: ok {name}"),
            Err(failure) => early_println!("suite: differs {name}: {failure}"),
        });
    early_println!("suite: {report}");
    reconnect_and_break(xen)
}

/// Asks for our own number, over a client that is gone afterwards.
fn domain(xen: Rt) -> Result<DomId, alloc::boxed::Box<dyn Error>> {
    let store = XenStore::new(xen, boot::xenstore_ring(xen)?)?;
    Ok(store.domid()?)
}

/// Connects anew, as a kernel does that finds the ring in use; then moves our index of the ring to
/// where it can't be, and checks the server's reaction.
fn reconnect_and_break(xen: Rt) -> Result<(), alloc::boxed::Box<dyn Error>> {
    let ring = boot::xenstore_ring(xen)?;
    let port = ring.port;
    let store = XenStore::new(xen, ring)?;
    let watch = store.watch("data/watched")?;
    store.write("data/watched", "before")?;
    while watch.try_next()?.is_some() {}
    if store.page_features().contains(ServerFeatures::RECONNECTION) {
        store.reconnect()?;
        let number = store.domid()?;
        while watch.try_next()?.is_some() {}
        store.write("data/watched", "after")?;
        let fired = watch.wait_next(xen.now() + Duration::from_secs(10))?.is_some();
        early_println!("suite: reconnect: domain {number} again, its watch fired: {fired}");
    } else {
        early_println!("suite: reconnect: not offered by this server: {:?}", store.reconnect());
    }
    // The same page once more, as a stray pointer has it.
    let stray = boot::xenstore_ring(xen)?;
    spoil(stray.page.as_ref());
    ops::event_channel::send(&xen, port)?;
    store.set_timeout(Duration::from_secs(3));
    // The next request would repair the index, so the server's reaction is checked first.
    let deadline = xen.now() + Duration::from_secs(3);
    let told = loop {
        match store.poll() {
            Err(error) => break Some(error),
            Ok(_) if xen.now() >= deadline => break None,
            Ok(_) => store.wait(deadline),
        }
    };
    match told {
        Some(error) => early_println!("suite: ring broken: {error}"),
        None => {
            let then = store.domid().map_err(|error| error.kind);
            early_println!("suite: ring broken: nothing said; then {then:?}");
        }
    }
    Ok(())
}

fn spoil(page: &SharedMem) {
    let index = page.u32::<{ core::mem::offset_of!(XenstoreDomainInterface, req_prod) }>();
    index.store(index.load(Ordering::Relaxed).wrapping_add(5000), Ordering::Release);
}
