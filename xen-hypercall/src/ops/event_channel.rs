//! `event_channel_op`: ports. Source: `event_channel.h`.

use super::command;
use crate::{DomId, Errno, Hypercall, Port};
use xen_sys::event_channel::*;
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, Virq};

#[inline]
fn op<H: Hypercall + ?Sized, T>(xen: &H, number: u32, mut arg: T) -> Result<T, Errno> {
    // SAFETY: private; each caller below passes the command's own structure. Event channel operations touch no guest memory
    // but the structure and Xen's own event words.
    unsafe { command(xen, HYPERVISOR_EVENT_CHANNEL_OP, number, &mut arg) }?;
    Ok(arg)
}

/// Allocates a port that `remote` may bind to.
///
/// # Errors
///
/// `ENOSPC` if the domain has no free port.
#[doc(alias = "EVTCHNOP_alloc_unbound")]
pub fn alloc_unbound<H: Hypercall + ?Sized>(xen: &H, remote: DomId) -> Result<Port, Errno> {
    let arg = EvtchnAllocUnbound { dom: DomId::SELF, remote_dom: remote, ..Default::default() };
    op(xen, EVTCHNOP_ALLOC_UNBOUND, arg).map(|arg| arg.port)
}

/// Binds a new local port to `remote_port` of domain `remote`. The new port is pending at once.
///
/// # Errors
///
/// `EINVAL` if the remote port is not waiting for this domain, `ESRCH` if there is no such domain, `ENOSPC`.
#[doc(alias = "EVTCHNOP_bind_interdomain")]
pub fn bind_interdomain<H: Hypercall + ?Sized>(
    xen: &H,
    remote: DomId,
    remote_port: Port,
) -> Result<Port, Errno> {
    let arg = EvtchnBindInterdomain { remote_dom: remote, remote_port, ..Default::default() };
    op(xen, EVTCHNOP_BIND_INTERDOMAIN, arg).map(|arg| arg.local_port)
}

/// Binds a new port to virtual interrupt `virq` of `vcpu`.
///
/// # Errors
///
/// `EEXIST` if it is bound already, `EINVAL` for an unknown or global VIRQ on another vCPU than 0, `ENOENT`, `ENOSPC`.
#[doc(alias = "EVTCHNOP_bind_virq")]
pub fn bind_virq<H: Hypercall + ?Sized>(xen: &H, virq: Virq, vcpu: u32) -> Result<Port, Errno> {
    op(xen, EVTCHNOP_BIND_VIRQ, EvtchnBindVirq { virq, vcpu, ..Default::default() }).map(|arg| arg.port)
}

/// Binds a new port whose events go to `vcpu` of this domain.
///
/// # Errors
///
/// `ENOENT` if there is no such vCPU, `ENOSPC`.
#[doc(alias = "EVTCHNOP_bind_ipi")]
pub fn bind_ipi<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<Port, Errno> {
    op(xen, EVTCHNOP_BIND_IPI, EvtchnBindIpi { vcpu, ..Default::default() }).map(|arg| arg.port)
}

/// Makes `vcpu` the one that the port's events are delivered to.
///
/// # Errors
///
/// `ENOENT` if there is no such vCPU, `EINVAL` if the port is bound to a vCPU for good.
#[doc(alias = "EVTCHNOP_bind_vcpu")]
pub fn bind_vcpu<H: Hypercall + ?Sized>(xen: &H, port: Port, vcpu: u32) -> Result<(), Errno> {
    op(xen, EVTCHNOP_BIND_VCPU, EvtchnBindVcpu { port, vcpu }).map(drop)
}

/// Closes a port and drops an event that is pending on it.
///
/// # Errors
///
/// `EINVAL` if the port is not open.
#[doc(alias = "EVTCHNOP_close")]
pub fn close<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<(), Errno> {
    op(xen, EVTCHNOP_CLOSE, EvtchnClose { port }).map(drop)
}

/// Sends an event to the other end of `port`.
///
/// # Errors
///
/// `EINVAL` if the port is of a kind that can't send. A port whose other end is gone sends to nobody, without an error.
#[doc(alias = "EVTCHNOP_send")]
pub fn send<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<(), Errno> {
    op(xen, EVTCHNOP_SEND, EvtchnSend { port }).map(drop)
}

/// Clears the port's mask and delivers an event that is pending on it. Works with every event ABI, from any vCPU.
///
/// # Errors
///
/// `EINVAL` if the port is not open.
#[doc(alias = "EVTCHNOP_unmask")]
pub fn unmask<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<(), Errno> {
    op(xen, EVTCHNOP_UNMASK, EvtchnUnmask { port }).map(drop)
}

/// Returns what `port` of this domain is bound to.
///
/// # Errors
///
/// `EINVAL` if the number is out of range.
#[doc(alias = "EVTCHNOP_status")]
pub fn status<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<EvtchnStatus, Errno> {
    op(xen, EVTCHNOP_STATUS, EvtchnStatus { dom: DomId::SELF, port, ..Default::default() })
}
