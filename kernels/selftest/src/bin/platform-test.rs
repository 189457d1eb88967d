//! A kernel that uses the platform device of an HVM guest: events by its interrupt, and its memory
//! as the place of shared info and of the grant table.

#![no_std]
#![no_main]

use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use core::time::Duration;
use xen_evtchn::{Channel, Eoi};
use xen_guest::hvm::PlatformDevice;
use xen_hypercall::arch::cpuid::{self, XenLeaves};
use xen_hypercall::ops::{grant_table, memory};
use xen_hypercall::{DomId, Errno, Gfn, Pages, Platform, boot};
use xen_kernel_rt::{LineError, Rt, early_println};
use xen_sys::grant_table::{GnttabCopy, GnttabCopyPtr, GrantCopyFlags, GrantEntryV1, GrantFlags};
use xen_sys::memory::{XENMAPSPACE_GRANT_TABLE, XENMAPSPACE_SHARED_INFO};
use xen_sys::xen::SharedInfo;

xen_kernel_rt::entry!(main);

/// Events by the interrupt, and the maximum time of each.
const EVENTS: u32 = 1_000;
const TIMEOUT: Duration = Duration::from_secs(10);

/// An entry of the grant table that nothing else uses.
const ENTRY: usize = 40;

/// Content of the granted page.
const CONTENT: [u8; 16] = *b"a granted page. ";

static TAKEN: AtomicU32 = AtomicU32::new(0);

fn main(xen: Rt) {
    let Some(device) = xen.platform_device() else {
        return early_println!("platform-test: no platform device");
    };
    early_println!("platform-test: pin {:?}, memory {:#x?}", device.pin, device.memory);
    early_println!("platform-test: events by the interrupt: {}", verdict(events(xen, device)));
    let moved = shared_info(xen, device.frames().start);
    early_println!("platform-test: shared info in its memory: {}", verdict(moved));
    let grants = grant_table(xen, Gfn(device.frames().start.0 + 1));
    early_println!("platform-test: grant table in its memory: {}", verdict(grants));
    early_println!("platform-test: end");
}

fn verdict(result: Result<bool, Errno>) -> &'static str {
    match result {
        Ok(true) => "ok",
        Ok(false) => "not ok",
        Err(_) => "refused",
    }
}

/// Sends events one by one, and returns whether each has come by the interrupt of the device.
fn events(xen: Rt, device: &PlatformDevice) -> Result<bool, Errno> {
    let Some(callback) = device.callback() else { return Ok(false) };
    xen.on_event(|_, _| {
        TAKEN.fetch_add(1, SeqCst);
        Some(Eoi::Handled)
    });
    let channel = Channel::bind_ipi(xen, 0)?;
    xen.dispatcher().bind(xen.events(), channel.port())?;
    let refusal = |error| match error {
        LineError::Xen(errno) => errno,
        _ => Errno::ENODEV,
    };
    xen.use_line(callback).map_err(refusal)?;
    let before = xen.line_upcalls();
    for count in 1..=EVENTS {
        channel.notify()?;
        let deadline = xen.now() + TIMEOUT;
        while TAKEN.load(SeqCst) < count && xen.now() < deadline {
            xen.wait(&[], Some(xen.now() + Duration::from_millis(1)));
        }
    }
    let by_line = xen.line_upcalls() - before;
    xen.leave_line(callback).map_err(refusal)?;
    Ok((by_line, TAKEN.load(SeqCst)) == (EVENTS, EVENTS))
}

/// Places shared info at `frame`, and returns whether it is there; then it is where it was.
fn shared_info(xen: Rt, frame: Gfn) -> Result<bool, Errno> {
    let page = xen.events().shared_info();
    let nanos = offset_of!(SharedInfo, wc_nsec);
    let expected = page.as_ref().read::<u32>(nanos);
    // Neither an upcall nor the clock finds it meanwhile.
    xen.without_upcalls(|| {
        let place = map(xen, frame)?;
        // SAFETY: the device's memory has no other user, and what shared info was at is not
        // accessed before it is back.
        unsafe { memory::add_to_physmap(&xen, XENMAPSPACE_SHARED_INFO, 0, frame) }?;
        // SAFETY: shared info is mapped there.
        let found = unsafe { place.add(nanos).cast::<u32>().read_volatile() };
        boot::resume_shared_info(page)?;
        Ok(found != 0 && Some(found) == expected)
    })
}

/// Places the first frame of the grant table at `frame`, and returns whether a grant in it works.
fn grant_table(xen: Rt, frame: Gfn) -> Result<bool, Errno> {
    let table = map(xen, frame)?;
    // SAFETY: the device's memory has no other user, and no other code uses the grant table.
    unsafe { memory::add_to_physmap(&xen, XENMAPSPACE_GRANT_TABLE, 0, frame) }?;
    let pages = || Pages::alloc(xen, 1).map_err(|_| Errno::ENOMEM);
    let (mut source, target) = (pages()?, pages()?);
    source.as_mut_slice()[..CONTENT.len()].copy_from_slice(&CONTENT);
    let (source_gfn, target_gfn) = source.gfn(0).zip(target.gfn(0)).ok_or(Errno::EINVAL)?;
    let own = XenLeaves::find(cpuid::native).and_then(|leaves| leaves.domain);
    let own = own.ok_or(Errno::ENODEV)?;
    let entry = GrantEntryV1 {
        flags: GrantFlags::PERMIT_ACCESS | GrantFlags::READONLY,
        domid: own,
        frame: source_gfn.0 as u32,
    };
    // SAFETY: the frame has the table, whose entry no other code uses.
    unsafe { table.cast::<GrantEntryV1>().add(ENTRY).write_volatile(entry) };
    let mut copy = [GnttabCopy {
        source: GnttabCopyPtr { u: ENTRY as u64, domid: own, ..Default::default() },
        dest: GnttabCopyPtr { u: target_gfn.0, domid: DomId::SELF, ..Default::default() },
        len: CONTENT.len() as u16,
        flags: GrantCopyFlags::SOURCE_GREF,
        ..Default::default()
    }];
    // SAFETY: both pages are this function's own.
    unsafe { grant_table::copy(&xen, &mut copy) }?;
    let found = core::hint::black_box(target.as_slice());
    // The entry stays, so the page must too.
    core::mem::forget(source);
    Ok(found.starts_with(&CONTENT))
}

/// Maps a frame of the device's memory.
fn map(xen: Rt, frame: Gfn) -> Result<*mut u8, Errno> {
    // SAFETY: the memory of the device has no other user.
    let place = unsafe { xen.map_frames(frame, core::num::NonZeroUsize::MIN) };
    place.map(core::ptr::NonNull::as_ptr).ok_or(Errno::ENOMEM)
}
