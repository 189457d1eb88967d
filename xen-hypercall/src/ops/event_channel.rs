//! `event_channel_op`: event channel ports. Source: `event_channel.h`.

use super::command;
use crate::{DomId, Errno, Gfn, Hypercall, Port};
use xen_sys::event_channel::*;
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, Virq};

#[inline]
fn op<H: Hypercall + ?Sized, T>(xen: &H, number: u32, mut arg: T) -> Result<T, Errno> {
    // SAFETY: private; each caller below passes the command's own structure. Event channel
    // operations access no guest memory but the structure and Xen's own event words.
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
/// `EINVAL` if the remote port is not waiting for this domain, `ESRCH` if there is no such domain,
/// `ENOSPC`.
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
/// `EEXIST` if it is bound already, `EINVAL` for an unknown or global VIRQ on another vCPU than 0,
/// `ENOENT`, `ENOSPC`.
#[doc(alias = "EVTCHNOP_bind_virq")]
pub fn bind_virq<H: Hypercall + ?Sized>(xen: &H, virq: Virq, vcpu: u32) -> Result<Port, Errno> {
    op(xen, EVTCHNOP_BIND_VIRQ, EvtchnBindVirq { virq, vcpu, ..Default::default() })
        .map(|arg| arg.port)
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

/// Moves the events of `port` to `vcpu`.
///
/// # Errors
///
/// `ENOENT` if there is no such vCPU, `EINVAL` if the port is permanently bound to a vCPU.
#[doc(alias = "EVTCHNOP_bind_vcpu")]
pub fn bind_vcpu<H: Hypercall + ?Sized>(xen: &H, port: Port, vcpu: u32) -> Result<(), Errno> {
    op(xen, EVTCHNOP_BIND_VCPU, EvtchnBindVcpu { port, vcpu }).map(drop)
}

/// Closes a port and drops its pending event.
///
/// # Errors
///
/// `EINVAL` if the port is not open.
#[doc(alias = "EVTCHNOP_close")]
pub fn close<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<(), Errno> {
    op(xen, EVTCHNOP_CLOSE, EvtchnClose { port }).map(drop)
}

/// Sends an event to the remote end of `port`.
///
/// # Errors
///
/// `EINVAL` if events cannot be sent on a port of this kind. If the remote end is closed, the event
/// is dropped without an error.
#[doc(alias = "EVTCHNOP_send")]
pub fn send<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<(), Errno> {
    op(xen, EVTCHNOP_SEND, EvtchnSend { port }).map(drop)
}

/// Clears the port's mask and delivers a pending event. It works in either format and from any
/// vCPU.
///
/// # Errors
///
/// `EINVAL` if the port is beyond those that Xen has ever opened. A closed port is no error.
#[doc(alias = "EVTCHNOP_unmask")]
pub fn unmask<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<(), Errno> {
    op(xen, EVTCHNOP_UNMASK, EvtchnUnmask { port }).map(drop)
}

/// Returns the status of `port` of this domain.
///
/// # Errors
///
/// `EINVAL` if the number is out of range.
#[doc(alias = "EVTCHNOP_status")]
pub fn status<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<EvtchnStatus, Errno> {
    op(xen, EVTCHNOP_STATUS, EvtchnStatus { dom: DomId::SELF, port, ..Default::default() })
}

/// Allocates a port of domain `dom` that `remote` may bind to; for a toolstack.
///
/// # Errors
///
/// `EPERM` in a guest, `ESRCH` if there is no such domain, `ENOSPC`.
#[doc(alias = "EVTCHNOP_alloc_unbound")]
pub fn alloc_unbound_for<H: Hypercall + ?Sized>(
    xen: &H,
    dom: DomId,
    remote: DomId,
) -> Result<Port, Errno> {
    let arg = EvtchnAllocUnbound { dom, remote_dom: remote, ..Default::default() };
    op(xen, EVTCHNOP_ALLOC_UNBOUND, arg).map(|arg| arg.port)
}

/// Binds a new port to physical interrupt `pirq`; in an HVM guest, to that of an emulated device.
///
/// # Errors
///
/// `EINVAL` for an unknown interrupt, `EEXIST` if it is bound already, `EPERM` if this domain has
/// no access to it, `ENOSPC`.
#[doc(alias = "EVTCHNOP_bind_pirq")]
pub fn bind_pirq<H: Hypercall + ?Sized>(
    xen: &H,
    pirq: u32,
    will_share: bool,
) -> Result<Port, Errno> {
    let flags = if will_share { BIND_PIRQ_WILL_SHARE } else { 0 };
    op(xen, EVTCHNOP_BIND_PIRQ, EvtchnBindPirq { pirq, flags, ..Default::default() })
        .map(|arg| arg.port)
}

/// Closes all ports of this domain and returns to the 2-level format, for a kernel that replaces
/// another one.
///
/// # Errors
///
/// `EAGAIN` if the remote end is busy: see [`super::retry`].
#[doc(alias = "EVTCHNOP_reset")]
pub fn reset<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    op(xen, EVTCHNOP_RESET, EvtchnReset { dom: DomId::SELF }).map(drop)
}

/// Makes `vcpu` take its events in the FIFO format, with its control block at `offset` (a multiple
/// of 8) within frame `gfn`, and returns the width of the link field in event words. It must
/// precede any open port: pending events are lost.
///
/// # Errors
///
/// `EINVAL` for an invalid frame or offset, `ENOENT` if there is no such vCPU, `ENOSYS` if Xen is
/// older than 4.4.
///
/// # Safety
///
/// Xen writes to these bytes until [`reset`]: the caller must not use them otherwise.
#[doc(alias = "EVTCHNOP_init_control")]
pub unsafe fn init_control<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    gfn: Gfn,
    offset: u32,
) -> Result<u8, Errno> {
    let arg = EvtchnInitControl { control_gfn: gfn.0, offset, vcpu, ..Default::default() };
    op(xen, EVTCHNOP_INIT_CONTROL, arg).map(|arg| arg.link_bits)
}

/// Adds frame `gfn` to the array of event words of the FIFO format. All its words must be masked
/// before.
///
/// # Errors
///
/// `EINVAL` for a frame that Xen cannot map, `ENOSPC` if the array is complete, `EOPNOTSUPP` or
/// `ENOSYS` without the FIFO format.
///
/// # Safety
///
/// Xen writes to the page until [`reset`]: the caller must not use it otherwise.
#[doc(alias = "EVTCHNOP_expand_array")]
pub unsafe fn expand_array<H: Hypercall + ?Sized>(xen: &H, gfn: Gfn) -> Result<(), Errno> {
    op(xen, EVTCHNOP_EXPAND_ARRAY, EvtchnExpandArray { array_gfn: gfn.0 }).map(drop)
}

/// Sets the priority of `port`, from [`EVTCHN_FIFO_PRIORITY_MAX`] (0, the highest) to
/// [`EVTCHN_FIFO_PRIORITY_MIN`].
///
/// # Errors
///
/// `EINVAL` for a closed port or a priority out of range, `ENOSYS` in the two-level format.
#[doc(alias = "EVTCHNOP_set_priority")]
pub fn set_priority<H: Hypercall + ?Sized>(
    xen: &H,
    port: Port,
    priority: u32,
) -> Result<(), Errno> {
    op(xen, EVTCHNOP_SET_PRIORITY, EvtchnSetPriority { port, priority }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_EVENT_CHANNEL_OP;
    const PEER: DomId = DomId(7);
    const PORT: Port = Port(5);

    #[test]
    fn each_function_issues_its_operation() {
        issues! {
            alloc_unbound(PEER) => OP, [EVTCHNOP_ALLOC_UNBOUND],
                EvtchnAllocUnbound { dom: DomId::SELF, remote_dom: PEER, port: Port(0) };
            alloc_unbound_for(DomId(1), PEER) => OP, [EVTCHNOP_ALLOC_UNBOUND],
                EvtchnAllocUnbound { dom: DomId(1), remote_dom: PEER, port: Port(0) };
            bind_interdomain(PEER, PORT) => OP, [EVTCHNOP_BIND_INTERDOMAIN],
                EvtchnBindInterdomain { remote_dom: PEER, remote_port: PORT, ..Default::default() };
            bind_virq(Virq::DEBUG, 3) => OP, [EVTCHNOP_BIND_VIRQ],
                EvtchnBindVirq { virq: Virq::DEBUG, vcpu: 3, port: Port(0) };
            bind_ipi(3) => OP, [EVTCHNOP_BIND_IPI], EvtchnBindIpi { vcpu: 3, port: Port(0) };
            bind_pirq(9, true) => OP, [EVTCHNOP_BIND_PIRQ],
                EvtchnBindPirq { pirq: 9, flags: 1, port: Port(0) };
            bind_vcpu(PORT, 3) => OP, [EVTCHNOP_BIND_VCPU], EvtchnBindVcpu { port: PORT, vcpu: 3 };
            close(PORT) => OP, [EVTCHNOP_CLOSE], EvtchnClose { port: PORT };
            send(PORT) => OP, [EVTCHNOP_SEND], EvtchnSend { port: PORT };
            unmask(PORT) => OP, [EVTCHNOP_UNMASK], EvtchnUnmask { port: PORT };
            status(PORT) => OP, [EVTCHNOP_STATUS],
                EvtchnStatus { dom: DomId::SELF, port: PORT, ..Default::default() };
            reset() => OP, [EVTCHNOP_RESET], EvtchnReset { dom: DomId::SELF };
            init_control(3, Gfn(0x123), 64) => OP, [EVTCHNOP_INIT_CONTROL],
                EvtchnInitControl { control_gfn: 0x123, offset: 64, vcpu: 3, ..Default::default() };
            expand_array(Gfn(0x123)) => OP, [EVTCHNOP_EXPAND_ARRAY],
                EvtchnExpandArray { array_gfn: 0x123 };
            set_priority(PORT, 15) => OP, [EVTCHNOP_SET_PRIORITY],
                EvtchnSetPriority { port: PORT, priority: 15 };
        }
    }

    #[test]
    fn written_port_is_returned() {
        let answer = EvtchnBindIpi { vcpu: 0, port: Port(77) };
        let xen = Recorder::expecting(1, 8).answering(&answer);
        assert_eq!(bind_ipi(&xen, 0), Ok(Port(77)));
    }
}
