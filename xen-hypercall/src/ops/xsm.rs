//! `xsm_op`: the security module, FLASK; for dom0 and for domains that its policy permits. Source:
//! `xsm/flask_op.h`.
//!
//! [`call`] takes any operation with its structure. All functions return `ENOSYS` if Xen runs
//! without FLASK, and `EACCES` or `EPERM` if the policy refuses.
//! without FLASK, and `EACCES` or `EPERM` where the policy refuses.

use super::{from_union, structure, union_of};
use crate::{Errno, Hypercall, Port};
use xen_sys::GuestHandle;
use xen_sys::xen::HYPERVISOR_XSM_OP;
use xen_sys::xsm::flask_op::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

fn whole<T: IntoBytes + Immutable>(number: u32, arg: &T) -> XenFlaskOp {
    XenFlaskOp { cmd: number, interface_version: XEN_FLASK_INTERFACE_VERSION, u: union_of(arg) }
}

/// Issues operation `number` (`FLASK_*`) with its structure (`()` for none), and returns its
/// result.
///
/// # Errors
///
/// See the [module](self). Also on an error, the structure has the values that Xen wrote.
///
/// # Safety
///
/// `arg` must be the operation's structure, with all that it points to.
#[doc(alias = "__HYPERVISOR_xsm_op")]
pub unsafe fn call<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    arg: &mut T,
) -> Result<usize, Errno> {
    let mut whole = whole(number, arg);
    // SAFETY: operation and structure are the caller's obligation.
    let result = unsafe { structure(xen, HYPERVISOR_XSM_OP, &mut whole) };
    from_union(&whole.u, arg);
    result
}

/// Returns whether the policy is enforced.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "FLASK_GETENFORCE")]
pub fn is_enforcing<H: Hypercall + ?Sized>(xen: &H) -> Result<bool, Errno> {
    // SAFETY: the operation takes no structure.
    unsafe { call(xen, FLASK_GETENFORCE, &mut ()) }.map(|enforcing| enforcing != 0)
}

/// Returns the number of a label.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for an unknown label.
#[doc(alias = "FLASK_CONTEXT_TO_SID")]
pub fn context_to_sid<H: Hypercall + ?Sized>(xen: &H, context: &str) -> Result<u32, Errno> {
    let handle = GuestHandle::from_ptr(context.as_ptr());
    let mut arg = XenFlaskSidContext { sid: 0, size: super::count(context.len()), context: handle };
    // SAFETY: the operation's own structure; the text is only read.
    unsafe { call(xen, FLASK_CONTEXT_TO_SID, &mut arg) }?;
    Ok(arg.sid)
}

/// Writes the label of a number into `buffer` and returns its length.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for an unknown number, `ERANGE` or `ENOBUFS` for a label that
/// does not fit.
#[doc(alias = "FLASK_SID_TO_CONTEXT")]
pub fn sid_to_context<H: Hypercall + ?Sized>(
    xen: &H,
    sid: u32,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    let context = GuestHandle::from_mut_ptr(buffer.as_mut_ptr());
    let mut arg = XenFlaskSidContext { sid, size: super::count(buffer.len()), context };
    // SAFETY: the operation's own structure; Xen writes at most size bytes.
    unsafe { call(xen, FLASK_SID_TO_CONTEXT, &mut arg) }?;
    Ok((arg.size as usize).min(buffer.len()))
}

/// Returns the number of the label of the domain at the remote end of `port`.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for a port without a remote end.
#[doc(alias = "FLASK_GET_PEER_SID")]
pub fn get_peer_sid<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<u32, Errno> {
    let mut arg = XenFlaskPeersid { evtchn: port, sid: 0 };
    // SAFETY: the operation's own structure, which contains no pointer.
    unsafe { call(xen, FLASK_GET_PEER_SID, &mut arg) }?;
    Ok(arg.sid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_XSM_OP;

    #[test]
    fn each_function_issues_its_operation() {
        let (text, buffer) = ("a:b:c", &mut [0; 9]);
        let label =
            XenFlaskSidContext { sid: 0, size: 5, context: GuestHandle::from_ptr(text.as_ptr()) };
        let number =
            XenFlaskSidContext { sid: 3, size: 9, context: GuestHandle::from_ptr(buffer.as_ptr()) };
        issues! {
            call(16, &mut ()) => OP, [], whole(16, &());
            is_enforcing() => OP, [], whole(FLASK_GETENFORCE, &());
            context_to_sid(text) => OP, [], whole(FLASK_CONTEXT_TO_SID, &label);
            sid_to_context(3, buffer) => OP, [], whole(FLASK_SID_TO_CONTEXT, &number);
            get_peer_sid(Port(5)) => OP, [], whole(FLASK_GET_PEER_SID, &5u32);
        }
    }

    #[test]
    fn written_result_is_returned() {
        let answer = whole(FLASK_GET_PEER_SID, &XenFlaskPeersid { evtchn: Port(5), sid: 8 });
        let xen = Recorder::expecting(0, size_of_val(&answer)).answering(&answer);
        assert_eq!(get_peer_sid(&xen, Port(5)), Ok(8));
    }
}
