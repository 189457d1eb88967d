//! `sched_op`: yield, block, poll, shutdown, suspend, watchdog. Source: `sched.h`.

use super::{check, command};
use crate::{DomId, Errno, Hypercall, Instant, Port, boot};
use core::convert::Infallible;
use xen_sys::GuestHandle;
use xen_sys::sched::*;
use xen_sys::xen::HYPERVISOR_SCHED_OP;

/// Maximum number of ports of one [`poll`].
pub const MAX_POLL_PORTS: usize = 128;

/// Yields the rest of this vCPU's time slice.
#[doc(alias = "SCHEDOP_yield")]
pub fn yield_now<H: Hypercall + ?Sized>(xen: &H) {
    // SAFETY: no arguments, no memory is accessed.
    let _ =
        check(unsafe { xen.hypercall(HYPERVISOR_SCHED_OP, [SCHEDOP_YIELD as usize, 0, 0, 0, 0]) });
}

/// Enables event delivery and blocks the vCPU until an event is delivered.
///
/// # Errors
///
/// None are documented.
#[doc(alias = "SCHEDOP_block")]
pub fn block<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    // SAFETY: no arguments, no memory is accessed.
    check(unsafe { xen.hypercall(HYPERVISOR_SCHED_OP, [SCHEDOP_BLOCK as usize, 0, 0, 0, 0]) })
        .map(drop)
}

/// Blocks the vCPU until one of `ports` is pending (masked or not) or `deadline` has come.
///
/// Returns at once if one is pending already. Ports beyond [`MAX_POLL_PORTS`] are ignored.
///
/// # Errors
///
/// `EINVAL` if a port is not open.
#[doc(alias = "SCHEDOP_poll")]
pub fn poll<H: Hypercall + ?Sized>(
    xen: &H,
    ports: &[Port],
    deadline: Option<Instant>,
) -> Result<(), Errno> {
    let ports = &ports[..ports.len().min(MAX_POLL_PORTS)];
    // Zero means no deadline, so a deadline that is long past must be another number.
    let timeout = deadline.map_or(0, |at| at.as_nanos().max(1));
    let mut arg = SchedPoll { nr_ports: ports.len() as u32, timeout, ..Default::default() };
    arg.ports = GuestHandle::from_ptr(ports.as_ptr());
    // SAFETY: the structure is the command's own; the port list is only read, and borrowed during
    // the call.
    unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_POLL, &mut arg) }.map(drop)
}

/// Shuts the domain down. Use [`suspend`] to suspend it.
///
/// # Errors
///
/// `EINVAL` for [`ShutdownReason::SUSPEND`], without a call. Otherwise Xen's error: it returns only
/// if the domain continues.
#[doc(alias = "SCHEDOP_shutdown")]
pub fn shutdown<H: Hypercall + ?Sized>(
    xen: &H,
    reason: ShutdownReason,
) -> Result<Infallible, Errno> {
    refuse_suspend(reason)?;
    let mut arg = SchedShutdown { reason };
    // SAFETY: the structure is the command's own. Either no code of the domain runs afterwards, or
    // nothing has changed.
    match unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_SHUTDOWN, &mut arg) } {
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::EINVAL),
    }
}

/// Refuses the reason after which the domain may continue as another one: only callers of
/// [`suspend`] expect that.
fn refuse_suspend(reason: ShutdownReason) -> Result<(), Errno> {
    if reason == ShutdownReason::SUSPEND { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Result of a suspend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendOutcome {
    /// The domain was saved or moved, and is now a new one: its shared info, ports, grants and
    /// mappings have ended.
    Resumed,
    /// The toolstack cancelled the suspend: this is the same domain, with all its resources.
    Cancelled,
}

/// Suspends the domain until a toolstack resumes it, here or on another host.
///
/// # Errors
///
/// Xen's error; the domain has not suspended then.
///
/// # Safety
///
/// Other vCPUs must be down or stopped, and interrupts off on all vCPUs. After
/// [`SuspendOutcome::Resumed`], nothing that Xen or another domain owned is mapped any more: shared
/// info, grants, foreign memory. It must not be used before it is mapped again. The domain may have
/// another number: a value that depends on the number, like a `GrantMapArea` of `xen-grant`, must
/// be created anew.
#[doc(alias = "SHUTDOWN_suspend")]
pub unsafe fn suspend<H: Hypercall + ?Sized>(xen: &H) -> Result<SuspendOutcome, Errno> {
    let mut arg = SchedShutdown { reason: ShutdownReason::SUSPEND };
    // SAFETY: the structure is the command's own; the lost resources are the caller's obligation.
    // The third argument, a PV guest's start info, is zero.
    let result = unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_SHUTDOWN, &mut arg) }?;
    Ok(if result == 0 { SuspendOutcome::Resumed } else { SuspendOutcome::Cancelled })
}

/// Requests a soft reset: Xen and the toolstack reset the domain's event channels, grants, shared
/// info and devices, and the domain continues with its memory and the state of its vCPUs.
///
/// A toolstack that supports no soft reset of this domain destroys it. libxl supports HVM guests,
/// with `on_soft_reset="soft-reset"`.
///
/// # Errors
///
/// Xen's error; the domain has not stopped then.
///
/// # Safety
///
/// As for [`suspend`] after [`SuspendOutcome::Resumed`]. The domain keeps its number.
#[doc(alias = "SHUTDOWN_soft_reset")]
pub unsafe fn soft_reset<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    let mut arg = SchedShutdown { reason: ShutdownReason::SOFT_RESET };
    // SAFETY: the structure is the command's own; the lost resources are the caller's obligation.
    unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_SHUTDOWN, &mut arg) }.map(drop)
}

/// Shuts domain `dom` down; for a toolstack.
///
/// # Errors
///
/// `EPERM` in a guest, `ESRCH` if there is no such domain, `EINVAL` for this domain with
/// [`ShutdownReason::SUSPEND`].
#[doc(alias = "SCHEDOP_remote_shutdown")]
pub fn remote_shutdown<H: Hypercall + ?Sized>(
    xen: &H,
    dom: DomId,
    reason: ShutdownReason,
) -> Result<(), Errno> {
    if reason == ShutdownReason::SUSPEND && boot::own_domain(xen)? == dom {
        return refuse_suspend(reason);
    }
    let mut arg = SchedRemoteShutdown { domain_id: dom, reason, ..Default::default() };
    // SAFETY: the structure is the command's own. It stops another domain, or ends this one.
    unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_REMOTE_SHUTDOWN, &mut arg) }.map(drop)
}

/// Latches `reason` as the reported reason of this domain's shutdown, by a triple fault or by
/// [`shutdown`].
///
/// Only the first call has an effect.
///
/// # Errors
///
/// `EINVAL` for [`ShutdownReason::SUSPEND`], without a call: [`shutdown`] would suspend the domain.
/// Xen accepts any other number.
#[doc(alias = "SCHEDOP_shutdown_code")]
pub fn shutdown_code<H: Hypercall + ?Sized>(xen: &H, reason: ShutdownReason) -> Result<(), Errno> {
    refuse_suspend(reason)?;
    let mut arg = SchedShutdown { reason };
    // SAFETY: the structure is the command's own. Only a number in Xen changes.
    unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_SHUTDOWN_CODE, &mut arg) }.map(drop)
}

/// Watchdog of this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchdogId(pub u32);

/// Starts a watchdog: Xen shuts the domain down in `seconds`, unless [`watchdog_pat`] postpones it.
/// There are two watchdogs.
///
/// # Errors
///
/// `ENOSPC` if both are in use, `EINVAL` for zero seconds.
#[doc(alias = "SCHEDOP_watchdog")]
pub fn watchdog_start<H: Hypercall + ?Sized>(xen: &H, seconds: u32) -> Result<WatchdogId, Errno> {
    if seconds == 0 {
        return Err(Errno::EINVAL);
    }
    watchdog(xen, 0, seconds).map(|id| WatchdogId(super::count(id)))
}

/// Sets the remaining time of a watchdog to `seconds`. Zero stops the watchdog and releases its
/// identifier.
///
/// # Errors
///
/// `EINVAL` for an unused identifier, or for zero, which would start a watchdog.
#[doc(alias = "SCHEDOP_watchdog")]
pub fn watchdog_pat<H: Hypercall + ?Sized>(
    xen: &H,
    id: WatchdogId,
    seconds: u32,
) -> Result<(), Errno> {
    if id.0 == 0 {
        return Err(Errno::EINVAL);
    }
    watchdog(xen, id.0, seconds).map(drop)
}

fn watchdog<H: Hypercall + ?Sized>(xen: &H, id: u32, timeout: u32) -> Result<usize, Errno> {
    let mut arg = SchedWatchdog { id, timeout };
    let address = (&raw mut arg).expose_provenance();
    // SAFETY: the structure is the command's own. No code of the domain runs after the watchdog
    // expires.
    let result = unsafe {
        xen.hypercall(HYPERVISOR_SCHED_OP, [SCHEDOP_WATCHDOG as usize, address, 0, 0, 0])
    };
    // Xen stores this result, also a negative one, in 32 bits without a sign.
    check(result as i32 as isize)
}

/// Temporarily pins this vCPU to physical CPU `pcpu`, or ends that; for the hardware domain.
///
/// # Errors
///
/// `EPERM` in a guest, `EINVAL` for an unknown CPU, `EBUSY` if it is pinned already.
#[doc(alias = "SCHEDOP_pin_override")]
pub fn pin_override<H: Hypercall + ?Sized>(xen: &H, pcpu: Option<u16>) -> Result<(), Errno> {
    let mut arg = SchedPinOverride { pcpu: pcpu.map_or(-1, i32::from) };
    // SAFETY: the structure is the command's own. No memory depends on the CPU of a vCPU.
    unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_PIN_OVERRIDE, &mut arg) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_SCHED_OP;

    #[test]
    fn each_function_issues_its_operation() {
        let ports = [Port(3), Port(4)];
        let list = GuestHandle::from_ptr(ports.as_ptr());
        issues! {
            yield_now() => OP, [SCHEDOP_YIELD];
            block() => OP, [SCHEDOP_BLOCK];
            poll(&ports, Some(Instant::from_nanos(9))) => OP, [SCHEDOP_POLL],
                SchedPoll { ports: list, nr_ports: 2, timeout: 9, ..Default::default() };
            poll(&ports, Some(Instant::from_nanos(0))) => OP, [SCHEDOP_POLL],
                SchedPoll { ports: list, nr_ports: 2, timeout: 1, ..Default::default() };
            poll(&ports, None) => OP, [SCHEDOP_POLL],
                SchedPoll { ports: list, nr_ports: 2, ..Default::default() };
            shutdown(ShutdownReason::CRASH) => OP, [SCHEDOP_SHUTDOWN],
                SchedShutdown { reason: ShutdownReason::CRASH };
            suspend() => OP, [SCHEDOP_SHUTDOWN], SchedShutdown { reason: ShutdownReason::SUSPEND };
            remote_shutdown(DomId(7), ShutdownReason::REBOOT) => OP, [SCHEDOP_REMOTE_SHUTDOWN],
                SchedRemoteShutdown {
                    domain_id: DomId(7), reason: ShutdownReason::REBOOT, ..Default::default()
                };
            shutdown_code(ShutdownReason::CRASH) => OP, [SCHEDOP_SHUTDOWN_CODE],
                SchedShutdown { reason: ShutdownReason::CRASH };
            watchdog_start(30) => OP, [SCHEDOP_WATCHDOG], SchedWatchdog { id: 0, timeout: 30 };
            watchdog_pat(WatchdogId(2), 0) => OP, [SCHEDOP_WATCHDOG],
                SchedWatchdog { id: 2, timeout: 0 };
            pin_override(Some(1)) => OP, [SCHEDOP_PIN_OVERRIDE], SchedPinOverride { pcpu: 1 };
            pin_override(None) => OP, [SCHEDOP_PIN_OVERRIDE], SchedPinOverride { pcpu: -1 };
        }
    }

    #[test]
    fn suspend_returns_its_outcome() {
        for (result, resumed) in [(0, SuspendOutcome::Resumed), (1, SuspendOutcome::Cancelled)] {
            // SAFETY: the recorder accesses no memory.
            assert_eq!(unsafe { suspend(&Recorder::default().returning(result)) }, Ok(resumed));
        }
    }

    #[test]
    fn soft_reset_has_its_reason() {
        let xen = Recorder::default();
        // SAFETY: the recorder accesses no memory.
        assert_eq!(unsafe { soft_reset(&xen) }, Ok(()));
        // SAFETY: as above.
        assert_eq!(unsafe { soft_reset(&Recorder::default().returning(-1)) }, Err(Errno::EPERM));
        assert_eq!(xen.calls(), 1);
    }

    #[test]
    fn watchdog_zero_id_is_refused() {
        let xen = Recorder::default();
        assert_eq!(watchdog_start(&xen, 0), Err(Errno::EINVAL));
        assert_eq!(watchdog_pat(&xen, WatchdogId(0), 5), Err(Errno::EINVAL));
        assert_eq!(xen.calls(), 0);
    }

    #[test]
    fn unsigned_watchdog_error_is_an_error() {
        let xen = Recorder::default().returning(-28i32 as u32 as isize);
        assert_eq!(watchdog_start(&xen, 30), Err(Errno::ENOSPC));
        assert_eq!(watchdog_start(&Recorder::default().returning(2), 30), Ok(WatchdogId(2)));
    }

    #[test]
    fn suspend_as_shutdown_reason_is_refused() {
        let xen = Recorder::default();
        assert_eq!(shutdown(&xen, ShutdownReason::SUSPEND), Err(Errno::EINVAL));
        assert_eq!(shutdown_code(&xen, ShutdownReason::SUSPEND), Err(Errno::EINVAL));
        assert_eq!(xen.calls(), 0);
    }

    #[test]
    fn returning_shutdown_is_an_error() {
        assert_eq!(shutdown(&Recorder::default(), ShutdownReason::POWEROFF), Err(Errno::EINVAL));
    }
}
