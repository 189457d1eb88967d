//! A kernel that is suspended, and says whether events still come afterwards: by upcall, to all its
//! vCPUs, in the format that it had.
//!
//! With the word `fifo` on its command line that is the FIFO format. It exchanges events between
//! its two vCPUs when it starts and after each suspend, says how many came, and ends when the
//! toolstack asks for it.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use core::time::Duration;
use xen_evtchn::{Channel, Eoi};
use xen_grant::{GrantError, GrantTable};
use xen_guest::{ShutdownRequest, ShutdownWatcher, SuspendError};
use xen_hypercall::boot::{self, BootError};
use xen_hypercall::ops::{event_channel, sched::SuspendOutcome};
use xen_hypercall::{Errno, Platform, Port};
use xen_kernel_rt::{Rt, early_println};
use xen_store::{StoreError, XenStore, XsOps};

xen_kernel_rt::entry!(main);

/// Events that go each way.
const ROUNDS: u32 = 1_000;
/// Maximum time of an exchange.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Each vCPU's port.
static PORTS: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
/// Events taken by each vCPU, and events of the other vCPU.
static TAKEN: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
static WRONG: AtomicU32 = AtomicU32::new(0);

/// Error of the test.
#[derive(Debug)]
#[expect(dead_code, reason = "printed")]
enum Error {
    Xen(Errno),
    Start(BootError),
    Store(StoreError),
    Grants(GrantError),
    Suspend(SuspendError),
}

fn main(xen: Rt) {
    if let Err(error) = run(xen) {
        early_println!("suspend-test: {error:?}");
    }
}

fn run(xen: Rt) -> Result<(), Error> {
    if xen.command_line().split_whitespace().any(|word| word == "fifo") {
        xen.use_fifo_events().map_err(Error::Xen)?;
    }
    xen.on_event(answer);
    let second = |xen: Rt| loop {
        xen.sleep_unless(None, || false);
    };
    xen.start_vcpu(1, second).map_err(Error::Xen)?;
    let ring = boot::xenstore_ring(xen).map_err(Error::Start)?;
    let store = XenStore::new(xen, ring).map_err(BootError::Map).map_err(Error::Start)?;
    let grants = GrantTable::new(xen).map_err(Error::Grants)?;
    let mut watcher =
        ShutdownWatcher::new(&store, &[ShutdownRequest::Suspend, ShutdownRequest::Poweroff])
            .map_err(Error::Store)?;
    say(xen, &store, "at the start")?;
    loop {
        match watcher.poll().map_err(Error::Store)? {
            Some(ShutdownRequest::Suspend) => {
                match watcher.suspend(|| xen.suspend()).map_err(Error::Suspend)? {
                    SuspendOutcome::Cancelled => say(xen, &store, "cancelled")?,
                    SuspendOutcome::Resumed => {
                        watcher.resume(&grants).map_err(Error::Suspend)?;
                        say(xen, &store, "elsewhere")?;
                    }
                }
            }
            Some(_) => return Ok(()),
            None => store.wait(xen.now() + Duration::from_secs(1)),
        }
    }
}

/// Exchanges events, and says how it went.
fn say(xen: Rt, store: &XenStore<Rt>, when: &str) -> Result<(), Error> {
    let exchanged = exchange(xen).map_err(Error::Xen)?;
    let me = store.read_number::<u16>("domid").map_err(Error::Store)?;
    let [first, second] = TAKEN.each_ref().map(|count| count.load(SeqCst));
    let (abi, wrong) = (xen.events().abi(), WRONG.load(SeqCst));
    let verdict = if exchanged && wrong == 0 { "ok" } else { "not ok" };
    early_println!(
        "suspend-test: {when}: domain {me}, {abi:?}, vCPUs took {first} and {second} events: \
         {verdict}"
    );
    Ok(())
}

/// Sends events back and forth; returns whether all came.
fn exchange(xen: Rt) -> Result<bool, Errno> {
    let ports = [Channel::bind_ipi(xen, 0)?, Channel::bind_ipi(xen, 1)?];
    for (port, (place, count)) in ports.iter().zip(PORTS.iter().zip(&TAKEN)) {
        place.store(port.port().0, SeqCst);
        count.store(0, SeqCst);
        xen.dispatcher().bind(xen.events(), port.port())?;
    }
    ports[1].notify()?;
    let deadline = xen.now() + TIMEOUT;
    while TAKEN[0].load(SeqCst) < ROUNDS && xen.now() < deadline {
        xen.wait(&[], Some(xen.now() + Duration::from_millis(1)));
    }
    PORTS.iter().for_each(|place| place.store(0, SeqCst));
    Ok(TAKEN.iter().all(|count| count.load(SeqCst) == ROUNDS))
}

/// Runs in the upcall: counts the event, and answers it.
fn answer(xen: Rt, port: Port) -> Option<Eoi> {
    let vcpu = xen.vcpu() as usize;
    let owner = PORTS.iter().position(|place| port.0 != 0 && place.load(SeqCst) == port.0)?;
    if owner != vcpu {
        WRONG.fetch_add(1, SeqCst);
        return Some(Eoi::Spurious);
    }
    let count = TAKEN[owner].fetch_add(1, SeqCst) + 1;
    if owner == 1 || count < ROUNDS {
        // A refusal ends the exchange, and the count is short.
        let _ = event_channel::send(&xen, Port(PORTS[1 - owner].load(SeqCst)));
    }
    Some(Eoi::Handled)
}
