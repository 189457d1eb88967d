//! `argo_op`: messages that Xen copies into the receiver's ring. Source: `argo.h`.
//!
//! All functions return `EOPNOTSUPP` or `ENOSYS` if Xen does not offer Argo (`argo=no`, which is
//! the default), `ENODEV` if it does not for this domain, `EINVAL` for a wrong argument.

use super::{check, count};
use crate::{DomId, Errno, Gfn, Hypercall};
use xen_sys::argo::*;
use xen_sys::xen::HYPERVISOR_ARGO_OP;

/// Registers a ring of `len` bytes (a multiple of 16) in `frames`, one for each page, at port
/// `port`. It accepts messages of `partner`, or of any domain ([`XEN_ARGO_DOMID_ANY`]).
///
/// # Errors
///
/// See the [module](self); `EEXIST` if the ring is registered and `fail_exist` is set. Without
/// `fail_exist`, the ring continues in the same frames.
///
/// # Safety
///
/// Xen writes to the pages until [`unregister_ring`]: the caller must not use them otherwise.
#[doc(alias = "XEN_ARGO_OP_register_ring")]
pub unsafe fn register_ring<H: Hypercall + ?Sized>(
    xen: &H,
    port: XenArgoPort,
    partner: DomId,
    len: u32,
    frames: &[Gfn],
    fail_exist: bool,
) -> Result<(), Errno> {
    let arg = XenArgoRegisterRing { aport: port, partner_id: partner, pad: 0, len };
    let call = [
        XEN_ARGO_OP_REGISTER_RING as usize,
        (&raw const arg).expose_provenance(),
        frames.as_ptr().expose_provenance(),
        frames.len(),
        if fail_exist { XEN_ARGO_REGISTER_FLAG_FAIL_EXIST as usize } else { 0 },
    ];
    // SAFETY: the operation's own structure and a list of that length, only read. The
    // frames are the caller's obligation.
    check(unsafe { xen.hypercall(HYPERVISOR_ARGO_OP, call) }).map(drop)
}

/// Removes a ring, and releases its pages.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such ring.
#[doc(alias = "XEN_ARGO_OP_unregister_ring")]
pub fn unregister_ring<H: Hypercall + ?Sized>(
    xen: &H,
    port: XenArgoPort,
    partner: DomId,
) -> Result<(), Errno> {
    let arg = XenArgoUnregisterRing { aport: port, partner_id: partner, pad: 0 };
    let call =
        [XEN_ARGO_OP_UNREGISTER_RING as usize, (&raw const arg).expose_provenance(), 0, 0, 0];
    // SAFETY: the operation's own structure, only read.
    check(unsafe { xen.hypercall(HYPERVISOR_ARGO_OP, call) }).map(drop)
}

/// Sends a message of up to [`XEN_ARGO_MAXIOV`] parts, of a type that the receiver sees, and
/// returns its size in bytes.
///
/// [`XEN_ARGO_DOMID_ANY`] as the source's domain makes Xen set it.
///
/// # Errors
///
/// See the [module](self); `EAGAIN` if the ring has no room: Xen sends `VIRQ_ARGO` when it has;
/// `EMSGSIZE` if the message does not fit into the empty ring, `ECONNREFUSED` if there is no such
/// ring.
#[doc(alias = "XEN_ARGO_OP_sendv")]
pub fn sendv<H: Hypercall + ?Sized>(
    xen: &H,
    addresses: &XenArgoSendAddr,
    parts: &[&[u8]],
    message_type: u32,
) -> Result<usize, Errno> {
    let mut iovs = [XenArgoIov::default(); XEN_ARGO_MAXIOV];
    if parts.len() > iovs.len() {
        return Err(Errno::EINVAL);
    }
    for (iov, part) in iovs.iter_mut().zip(parts) {
        iov.iov_hnd = xen_sys::GuestHandle::from_ptr(part.as_ptr());
        iov.iov_len = count(part.len());
    }
    let call = [
        XEN_ARGO_OP_SENDV as usize,
        core::ptr::from_ref(addresses).expose_provenance(),
        iovs.as_ptr().expose_provenance(),
        parts.len(),
        message_type as usize,
    ];
    // SAFETY: the operation's own structures; all bytes are only read.
    check(unsafe { xen.hypercall(HYPERVISOR_ARGO_OP, call) })
}

/// Query of [`notify`] for `N` rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RingQuery<const N: usize> {
    head: XenArgoRingData,
    /// One entry for each ring.
    pub rings: [XenArgoRingDataEnt; N],
}

impl<const N: usize> RingQuery<N> {
    /// Creates a query of `rings`.
    pub fn new(rings: [XenArgoRingDataEnt; N]) -> Self {
        Self { head: XenArgoRingData { nent: count(N), pad: 0 }, rings }
    }
}

/// Returns the state of rings. Xen sends `VIRQ_ARGO` when a ring without the requested room has it.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_ARGO_OP_notify")]
pub fn notify<H: Hypercall + ?Sized, const N: usize>(
    xen: &H,
    query: &mut RingQuery<N>,
) -> Result<(), Errno> {
    let call =
        [XEN_ARGO_OP_NOTIFY as usize, core::ptr::from_mut(query).expose_provenance(), 0, 0, 0];
    // SAFETY: the operation's own structure, with as many entries as it says.
    check(unsafe { xen.hypercall(HYPERVISOR_ARGO_OP, call) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};
    use zerocopy::IntoBytes;

    const OP: usize = HYPERVISOR_ARGO_OP;
    const DOM: DomId = DomId(7);

    #[test]
    fn each_function_issues_its_operation() {
        let frames = [Gfn(1), Gfn(2)];
        let addresses = XenArgoSendAddr {
            src: XenArgoAddr { aport: 1, domain_id: DomId(XEN_ARGO_DOMID_ANY), pad: 0 },
            dst: XenArgoAddr { aport: 2, domain_id: DOM, pad: 0 },
        };
        let mut query =
            RingQuery::new([XenArgoRingDataEnt { space_required: 64, ..Default::default() }]);
        let mut asked = [0; 28];
        asked[0] = 1;
        asked[8..].copy_from_slice(query.rings.as_bytes());
        issues! {
            register_ring(5, DOM, 8192, &frames, true) => OP, [XEN_ARGO_OP_REGISTER_RING],
                XenArgoRegisterRing { aport: 5, partner_id: DOM, pad: 0, len: 8192 };
            unregister_ring(5, DOM) => OP, [XEN_ARGO_OP_UNREGISTER_RING],
                XenArgoUnregisterRing { aport: 5, partner_id: DOM, pad: 0 };
            sendv(&addresses, &[b"one", b"two"], 9) => OP, [XEN_ARGO_OP_SENDV], addresses;
            notify(&mut query) => OP, [XEN_ARGO_OP_NOTIFY], asked;
        }
        let xen = Recorder::default();
        // SAFETY: the recorder accesses no memory.
        unsafe { register_ring(&xen, 5, DOM, 8192, &frames, true) }.unwrap();
        assert_eq!(xen.args()[2..], [frames.as_ptr().addr(), 2, 1]);
    }

    #[test]
    fn message_parts_are_listed() {
        let parts: [&[u8]; 2] = [b"one", b"three"];
        let iov = |part: &[u8]| XenArgoIov {
            iov_hnd: xen_sys::GuestHandle::from_ptr(part.as_ptr()),
            iov_len: part.len() as u32,
            pad: 0,
        };
        let xen = Recorder::expecting(2, 32).returning(8);
        assert_eq!(sendv(&xen, &XenArgoSendAddr::default(), &parts, 9), Ok(8));
        assert_eq!(xen.bytes(), parts.map(iov).as_bytes());
        assert_eq!(xen.args()[3..], [2, 9]);
        let many = [parts[0]; XEN_ARGO_MAXIOV + 1];
        assert_eq!(sendv(&xen, &XenArgoSendAddr::default(), &many, 9), Err(Errno::EINVAL));
    }
}
