//! `sched_op`: yield, block, poll, shutdown. Source: `sched.h`.

use super::{check, command};
use crate::{Errno, Hypercall, Instant, Port};
use core::convert::Infallible;
use xen_sys::GuestHandle;
use xen_sys::sched::*;
use xen_sys::xen::HYPERVISOR_SCHED_OP;

/// The most ports that one [`poll`] can wait for.
pub const MAX_POLL_PORTS: usize = 128;

/// Gives up the rest of this vCPU's time slice.
#[doc(alias = "SCHEDOP_yield")]
pub fn yield_now<H: Hypercall + ?Sized>(xen: &H) {
    // SAFETY: no arguments, no memory touched.
    let _ = check(unsafe { xen.hypercall(HYPERVISOR_SCHED_OP, [SCHEDOP_YIELD as usize, 0, 0, 0, 0]) });
}

/// Enables event delivery and blocks the vCPU until an event is to be delivered.
///
/// # Errors
///
/// None are documented; the type leaves room.
#[doc(alias = "SCHEDOP_block")]
pub fn block<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    // SAFETY: no arguments, no memory touched.
    check(unsafe { xen.hypercall(HYPERVISOR_SCHED_OP, [SCHEDOP_BLOCK as usize, 0, 0, 0, 0]) }).map(drop)
}

/// Blocks the vCPU until one of `ports` is pending (masked or not) or `deadline` has come.
///
/// Returns at once if one is pending already. Ports beyond [`MAX_POLL_PORTS`] are left out.
///
/// # Errors
///
/// `EINVAL` if a port is not open.
#[doc(alias = "SCHEDOP_poll")]
pub fn poll<H: Hypercall + ?Sized>(xen: &H, ports: &[Port], deadline: Option<Instant>) -> Result<(), Errno> {
    let ports = &ports[..ports.len().min(MAX_POLL_PORTS)];
    // Zero stands for no deadline, so a moment that is long past has to be another number.
    let timeout = deadline.map_or(0, |at| at.as_nanos().max(1));
    let mut arg = SchedPoll { nr_ports: ports.len() as u32, timeout, ..Default::default() };
    arg.ports = GuestHandle::from_ptr(ports.as_ptr());
    // SAFETY: the structure is the command's own; the port list is only read, and borrowed for the time of the call.
    unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_POLL, &mut arg) }.map(drop)
}

/// Ends the domain. Suspending is another matter: it returns, and is not offered here.
///
/// # Errors
///
/// Whatever Xen answers; it only returns if the domain goes on.
#[doc(alias = "SCHEDOP_shutdown")]
pub fn shutdown<H: Hypercall + ?Sized>(xen: &H, reason: ShutdownReason) -> Result<Infallible, Errno> {
    let mut arg = SchedShutdown { reason };
    // SAFETY: the structure is the command's own. Nothing of the domain runs afterwards, or nothing has changed.
    match unsafe { command(xen, HYPERVISOR_SCHED_OP, SCHEDOP_SHUTDOWN, &mut arg) } {
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::EINVAL),
    }
}
