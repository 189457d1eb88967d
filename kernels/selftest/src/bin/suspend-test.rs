//! A kernel that is suspended, and reports whether events still come afterwards: by upcall, to two
//! vCPUs, in the format that it had; whether Xen still updates its areas; and whether the balloon's
//! frames take a page of a grant.
//!
//! With the word `fifo` on its command line the format is FIFO, and with `second=33` the second
//! vCPU is that one. It does so when it starts and after each suspend, and ends when the toolstack
//! requests it.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use core::time::Duration;
use xen_evtchn::{Channel, Eoi};
use xen_grant::{GrantError, GrantTable, ReadOnly};
use xen_guest::arch::Tsc;
use xen_guest::clock::{TimeInfo, TimePage};
use xen_guest::{
    Balloon, BalloonError, RunstateArea, ShutdownRequest, ShutdownWatcher, SuspendError,
};
use xen_hypercall::boot::{self, BootError};
use xen_hypercall::ops::memory::{self, Extents};
use xen_hypercall::ops::{event_channel, grant_table, sched::SuspendOutcome};
use xen_hypercall::{DomId, Errno, Pages, Platform, Port};
use xen_kernel_rt::{Rt, early_println};
use xen_store::{StoreError, XenStore, XsOps};
use xen_sys::grant_table::{GnttabMapGrantRef, GnttabUnmapGrantRef, GrantMapFlags, GrantStatus};

xen_kernel_rt::entry!(main);

/// Events that go each way.
const ROUNDS: u32 = 1_000;
/// Maximum time of an exchange.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Time of a sleep, and by which two readings of the same time may be in another order.
const SLEEP: Duration = Duration::from_millis(5);
const NEAR: Duration = Duration::from_millis(1);

/// The second vCPU, and the last moment that it has read, in nanoseconds.
static SECOND: AtomicU32 = AtomicU32::new(1);
static MOMENT: AtomicU64 = AtomicU64::new(0);

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
    Balloon(BalloonError),
}

/// Areas and pages that Xen and the toolstack change.
struct Memory {
    runstate: RunstateArea<Rt>,
    time: TimePage<Rt>,
    balloon: Balloon<Rt>,
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
    let words = xen.command_line().split_whitespace();
    let number = words.filter_map(|word| word.strip_prefix("second=")?.parse().ok()).next();
    SECOND.store(number.unwrap_or(1), SeqCst);
    xen.start_vcpu(SECOND.load(SeqCst), second).map_err(Error::Xen)?;
    let ring = boot::xenstore_ring(xen).map_err(Error::Start)?;
    let store = XenStore::new(xen, ring).map_err(BootError::Map).map_err(Error::Start)?;
    let grants = GrantTable::new(xen).map_err(Error::Grants)?;
    let supported = [
        ShutdownRequest::Suspend,
        ShutdownRequest::Poweroff,
        ShutdownRequest::S3,
        ShutdownRequest::S4,
    ];
    let mut watcher = ShutdownWatcher::new(&store, &supported).map_err(Error::Store)?;
    let mut memory = Memory {
        runstate: RunstateArea::register(xen, 0).map_err(Error::Xen)?,
        time: TimePage::register(xen, 0).map_err(Error::Xen)?,
        balloon: xen.balloon(&store).map_err(Error::Balloon)?,
    };
    say(xen, &store, &grants, &mut memory, "at the start")?;
    loop {
        match watcher.poll().map_err(Error::Store)? {
            Some(ShutdownRequest::Suspend) => {
                match watcher.suspend(|| xen.suspend()).map_err(Error::Suspend)? {
                    SuspendOutcome::Cancelled => {
                        say(xen, &store, &grants, &mut memory, "cancelled")?;
                    }
                    SuspendOutcome::Resumed => {
                        watcher.resume(&grants).map_err(Error::Suspend)?;
                        memory.runstate.resume().map_err(Error::Xen)?;
                        memory.time.resume().map_err(Error::Xen)?;
                        say(xen, &store, &grants, &mut memory, "elsewhere")?;
                    }
                }
            }
            // A sleep of the machine, which this kernel has none of to put to sleep.
            Some(request @ (ShutdownRequest::S3 | ShutdownRequest::S4)) => {
                early_println!("suspend-test: asked for {request}");
            }
            Some(_) => return Ok(()),
            None => store.wait(xen.now() + Duration::from_secs(1)),
        }
    }
}

/// Exchanges events, uses the memory, and reports the results.
fn say(
    xen: Rt,
    store: &XenStore<Rt>,
    grants: &GrantTable<Rt>,
    memory: &mut Memory,
    when: &str,
) -> Result<(), Error> {
    let domain = DomId(store.read_number::<u16>("domid").map_err(Error::Store)?);
    let runstate = verdict(is_sleep_counted(xen, &memory.runstate));
    let time = verdict(is_time_current(xen, &memory.time));
    let balloon = verdict(takes_grant(xen, store, grants, &mut memory.balloon, domain)?);
    early_println!(
        "suspend-test: {when}: runstate area {runstate}, time page {time}, frame of the balloon \
         {balloon}"
    );
    let (before, exchanged) = (xen.now(), exchange(xen).map_err(Error::Xen)?);
    let moment = MOMENT.load(SeqCst);
    let in_time = before.as_nanos() <= moment && moment <= xen.now().as_nanos();
    early_println!(
        "suspend-test: {when}: clock of vCPU {} {}",
        SECOND.load(SeqCst),
        verdict(in_time)
    );
    let [first, second] = TAKEN.each_ref().map(|count| count.load(SeqCst));
    let (abi, wrong) = (xen.events().abi(), WRONG.load(SeqCst));
    early_println!(
        "suspend-test: {when}: domain {}, {abi:?}, vCPUs took {first} and {second} events: {}",
        domain.0,
        verdict(exchanged && wrong == 0)
    );
    Ok(())
}

fn verdict(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "not ok" }
}

/// Sleeps, and returns whether the area counts that. A vCPU that gets no processor until the end
/// of a sleep does not block, so it sleeps again.
fn is_sleep_counted(xen: Rt, area: &RunstateArea<Rt>) -> bool {
    let blocked = || area.read().ok().map(|runstate| runstate.blocked);
    let (before, deadline) = (blocked(), xen.now() + TIMEOUT);
    while xen.now() < deadline {
        let until = xen.now() + SLEEP;
        xen.sleep_unless(Some(until), || false);
        if blocked().zip(before).is_some_and(|(after, before)| after >= before + SLEEP) {
            return true;
        }
    }
    false
}

/// Returns whether the page has the time of shared info, read before and after it.
fn is_time_current(xen: Rt, page: &TimePage<Rt>) -> bool {
    let nanos = |time: Option<TimeInfo<'_>>| time?.read(&Tsc).ok().map(|read| read.nanos);
    let shared = || nanos(TimeInfo::of_vcpu(xen.events().shared_info().as_ref(), 0));
    let (before, own, after) = (shared(), nanos(page.time()), shared());
    let near = NEAR.as_nanos() as u64;
    own.zip(before.zip(after))
        .is_some_and(|(own, (before, after))| before <= own + near && own <= after + near)
}

/// Maps a page that this domain grants to itself at a frame of the balloon, and returns whether it
/// is there.
fn takes_grant(
    xen: Rt,
    store: &XenStore<Rt>,
    grants: &GrantTable<Rt>,
    balloon: &mut Balloon<Rt>,
    domain: DomId,
) -> Result<bool, Error> {
    let deadline = xen.now() + TIMEOUT;
    while balloon.statistics().ballooned == 0 && xen.now() < deadline {
        let now = xen.now();
        balloon.poll(now).map_err(Error::Store)?;
        let next = balloon.poll_timeout(now).unwrap_or(deadline);
        if next > now {
            store.wait(next.min(deadline));
        }
    }
    let Some(frame) = balloon.reserve_frames(1) else { return Ok(false) };
    let mut page = Pages::alloc(xen, 1).map_err(|_| Error::Xen(Errno::ENOMEM))?;
    page.as_mut_slice()[..8].copy_from_slice(b"a grant.");
    let Some(own) = page.gfn(0) else { return Ok(false) };
    let granted = grants.grant_access::<ReadOnly>(page, domain);
    let granted = granted.map_err(|failed| Error::Grants(failed.error))?;
    let host_addr = frame.address();
    let mut map = [GnttabMapGrantRef {
        host_addr,
        flags: GrantMapFlags::HOST_MAP | GrantMapFlags::READONLY,
        ref_: granted.reference(),
        dom: domain,
        ..Default::default()
    }];
    // SAFETY: the frame has no memory and no user.
    unsafe { grant_table::map_grant_ref(&xen, &mut map) }.map_err(Error::Xen)?;
    let is_mapped = map[0].status == GrantStatus::OKAY;
    let place = core::ptr::with_exposed_provenance::<[u8; 8]>(host_addr as usize);
    // SAFETY: the page is mapped there, and not written meanwhile.
    let is_there = is_mapped && unsafe { place.read_volatile() } == *b"a grant.";
    let mut unmap =
        [GnttabUnmapGrantRef { host_addr, handle: map[0].handle, ..Default::default() }];
    // SAFETY: mapped above, if at all, and read no more.
    unsafe { grant_table::unmap_grant_ref(&xen, &mut unmap) }.map_err(Error::Xen)?;
    let is_unmapped = unmap[0].status == GrantStatus::OKAY;
    // The domain has each page once: the page has moved, and left a hole.
    // SAFETY: the page of the hole is not accessed before it is filled.
    let filled = unsafe { memory::populate_physmap(&xen, Extents::PAGES, &mut [own]) };
    if filled != Ok(1) {
        core::mem::forget(granted);
        return Ok(false);
    }
    // SAFETY: reserved above, without a mapping.
    let is_released = is_unmapped && unsafe { balloon.release_frames(frame, 1) };
    Ok(is_there && is_released && granted.end_access().is_ok())
}

/// Sends events back and forth; returns whether all came.
fn exchange(xen: Rt) -> Result<bool, Errno> {
    let ports = [Channel::bind_ipi(xen, 0)?, Channel::bind_ipi(xen, SECOND.load(SeqCst))?];
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
    let vcpu = usize::from(xen.vcpu() != 0);
    if vcpu == 1 {
        MOMENT.store(xen.now().as_nanos(), SeqCst);
    }
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
