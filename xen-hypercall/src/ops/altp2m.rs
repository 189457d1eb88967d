//! `HVMOP_altp2m`: alternate views of a guest's memory, with access rights of their own. Source:
//! `hvm/hvm_op.h`.
//!
//! The first domain in each call is the owner of the memory: [`DomId::SELF`], or another one for an
//! introspection program. Views are numbered from 0, which is the domain's own one. All functions
//! return `EOPNOTSUPP` or `ENOSYS` if Xen or the CPU has no alternate maps, `EPERM` if the domain's
//! mode forbids the operation, and `EINVAL` for a wrong argument.

use super::{command, from_union, union_of};
use crate::{DomId, Errno, Gfn, Hypercall};
use xen_sys::GuestHandle;
use xen_sys::hvm::hvm_op::*;
use xen_sys::memory::XenmemAccess;
use xen_sys::xen::HYPERVISOR_HVM_OP;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Issues command `number` with its structure.
///
/// # Safety
///
/// `arg` must be the command's structure, with all that it points to. The caller must expect its
/// effect on memory.
unsafe fn op<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    domain: DomId,
    mut arg: T,
) -> Result<T, Errno> {
    let mut whole = XenHvmAltp2mOp {
        version: HVMOP_ALTP2M_INTERFACE_VERSION,
        cmd: number,
        domain,
        pad1: 0,
        pad2: 0,
        u: union_of(&arg),
    };
    // SAFETY: command and structure are the caller's obligation.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_ALTP2M, &mut whole) }?;
    from_union(&whole.u, &mut arg);
    Ok(arg)
}

/// Returns whether alternate maps are on.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_get_domain_state")]
pub fn get_domain_state<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<bool, Errno> {
    // SAFETY: the command only reads.
    let arg = unsafe {
        op(xen, HVMOP_ALTP2M_GET_DOMAIN_STATE, domain, XenHvmAltp2mDomainState::default())
    };
    arg.map(|arg| arg.state != 0)
}

/// Switches alternate maps on or off. The latter destroys all views but the domain's own.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// Switching off moves all vCPUs to the domain's own view, as [`switch_p2m`] does.
#[doc(alias = "HVMOP_altp2m_set_domain_state")]
pub unsafe fn set_domain_state<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    on: bool,
) -> Result<(), Errno> {
    let arg = XenHvmAltp2mDomainState { state: on.into() };
    // SAFETY: the views are the caller's obligation.
    unsafe { op(xen, HVMOP_ALTP2M_SET_DOMAIN_STATE, domain, arg) }.map(drop)
}

/// Makes Xen send virtualization exceptions to `vcpu`, with their information in frame `gfn`.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// The CPU writes to the frame from now on, and the vCPU must have a handler.
#[doc(alias = "HVMOP_altp2m_vcpu_enable_notify")]
pub unsafe fn vcpu_enable_notify<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    vcpu: u32,
    gfn: Gfn,
) -> Result<(), Errno> {
    let arg = XenHvmAltp2mVcpuEnableNotify { vcpu_id: vcpu, gfn: gfn.0, ..Default::default() };
    // SAFETY: the frame is the caller's obligation.
    unsafe { op(xen, HVMOP_ALTP2M_VCPU_ENABLE_NOTIFY, domain, arg) }.map(drop)
}

/// Ends virtualization exceptions for `vcpu`, and releases its frame.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_vcpu_disable_notify")]
pub fn vcpu_disable_notify<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    vcpu: u32,
) -> Result<(), Errno> {
    let arg = XenHvmAltp2mVcpuDisableNotify { vcpu_id: vcpu };
    // SAFETY: Xen writes less than before.
    unsafe { op(xen, HVMOP_ALTP2M_VCPU_DISABLE_NOTIFY, domain, arg) }.map(drop)
}

/// Creates a view and returns its number.
///
/// # Errors
///
/// See the [module](self); `EINVAL` if Xen has no room for another view.
#[doc(alias = "HVMOP_altp2m_create_p2m")]
pub fn create_p2m<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    default_access: XenmemAccess,
) -> Result<u16, Errno> {
    let arg = XenHvmAltp2mView { view: 0, hvmmem_default_access: default_access.0 as u16 };
    // SAFETY: no vCPU uses a new view.
    unsafe { op(xen, HVMOP_ALTP2M_CREATE_P2M, domain, arg) }.map(|arg| arg.view)
}

/// Destroys a view.
///
/// # Errors
///
/// See the [module](self); `EBUSY` if a vCPU uses it.
#[doc(alias = "HVMOP_altp2m_destroy_p2m")]
pub fn destroy_p2m<H: Hypercall + ?Sized>(xen: &H, domain: DomId, view: u16) -> Result<(), Errno> {
    let arg = XenHvmAltp2mView { view, ..Default::default() };
    // SAFETY: no vCPU uses the view, or Xen refuses.
    unsafe { op(xen, HVMOP_ALTP2M_DESTROY_P2M, domain, arg) }.map(drop)
}

/// Switches all vCPUs of the domain to a view.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// Memory is that of the view from now on.
#[doc(alias = "HVMOP_altp2m_switch_p2m")]
pub unsafe fn switch_p2m<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
) -> Result<(), Errno> {
    let arg = XenHvmAltp2mView { view, ..Default::default() };
    // SAFETY: the view is the caller's obligation.
    unsafe { op(xen, HVMOP_ALTP2M_SWITCH_P2M, domain, arg) }.map(drop)
}

/// Sets the access rights of frame `gfn` in a view.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_set_mem_access")]
pub fn set_mem_access<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    gfn: Gfn,
    access: XenmemAccess,
) -> Result<(), Errno> {
    let arg =
        XenHvmAltp2mMemAccess { view, access: access.0 as u16, gfn: gfn.0, ..Default::default() };
    // SAFETY: an access without the right stops the vCPU; memory does not change.
    unsafe { op(xen, HVMOP_ALTP2M_SET_MEM_ACCESS, domain, arg) }.map(drop)
}

/// Returns the access rights of frame `gfn` in a view.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_get_mem_access")]
pub fn get_mem_access<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    gfn: Gfn,
) -> Result<XenmemAccess, Errno> {
    let arg = XenHvmAltp2mMemAccess { view, gfn: gfn.0, ..Default::default() };
    // SAFETY: the command only reads.
    let arg = unsafe { op(xen, HVMOP_ALTP2M_GET_MEM_ACCESS, domain, arg) };
    arg.map(|arg| XenmemAccess(arg.access.into()))
}

/// Sets the access rights of many frames in a view: each of `access` for the frame at the same
/// index in `frames`.
///
/// # Errors
///
/// See the [module](self); `EINVAL` also if the lists differ in length.
#[doc(alias = "HVMOP_altp2m_set_mem_access_multi")]
pub fn set_mem_access_multi<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    frames: &[Gfn],
    access: &[u8],
) -> Result<(), Errno> {
    if frames.len() != access.len() {
        return Err(Errno::EINVAL);
    }
    let arg = XenHvmAltp2mSetMemAccessMulti {
        view,
        nr: super::count(frames.len()),
        pfn_list: GuestHandle::from_ptr(frames.as_ptr()),
        access_list: GuestHandle::from_ptr(access.as_ptr()),
        ..Default::default()
    };
    // SAFETY: the lists are only read, nr entries of each. Memory does not change.
    unsafe { op(xen, HVMOP_ALTP2M_SET_MEM_ACCESS_MULTI, domain, arg) }.map(drop)
}

/// Maps the memory of frame `new` at frame `old` in a view; `None` restores the frame's own memory.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// The users of the view must expect the change.
#[doc(alias = "HVMOP_altp2m_change_gfn")]
pub unsafe fn change_gfn<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    old: Gfn,
    new: Option<Gfn>,
) -> Result<(), Errno> {
    let new_gfn = new.map_or(u64::MAX, |gfn| gfn.0);
    let arg = XenHvmAltp2mChangeGfn { view, old_gfn: old.0, new_gfn, ..Default::default() };
    // SAFETY: the frames are the caller's obligation.
    unsafe { op(xen, HVMOP_ALTP2M_CHANGE_GFN, domain, arg) }.map(drop)
}

/// Suppresses virtualization exceptions for frame `gfn` in a view, or no longer.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_set_suppress_ve")]
pub fn set_suppress_ve<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    gfn: Gfn,
    suppress: bool,
) -> Result<(), Errno> {
    let arg = XenHvmAltp2mSuppressVe {
        view,
        suppress_ve: suppress.into(),
        gfn: gfn.0,
        ..Default::default()
    };
    // SAFETY: memory does not change.
    unsafe { op(xen, HVMOP_ALTP2M_SET_SUPPRESS_VE, domain, arg) }.map(drop)
}

/// Returns whether virtualization exceptions are suppressed for frame `gfn` in a view.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_get_suppress_ve")]
pub fn get_suppress_ve<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    gfn: Gfn,
) -> Result<bool, Errno> {
    let arg = XenHvmAltp2mSuppressVe { view, gfn: gfn.0, ..Default::default() };
    // SAFETY: the command only reads.
    unsafe { op(xen, HVMOP_ALTP2M_GET_SUPPRESS_VE, domain, arg) }.map(|arg| arg.suppress_ve != 0)
}

/// Suppresses virtualization exceptions for the frames from `first` to `last` in a view, or no
/// longer. Returns the first frame of a failure with its error, if any.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_set_suppress_ve_multi")]
pub fn set_suppress_ve_multi<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    first: Gfn,
    last: Gfn,
    suppress: bool,
) -> Result<Option<(Gfn, Errno)>, Errno> {
    let arg = XenHvmAltp2mSuppressVeMulti {
        view,
        suppress_ve: suppress.into(),
        first_gfn: first.0,
        last_gfn: last.0,
        ..Default::default()
    };
    // SAFETY: memory does not change.
    let arg = unsafe { op(xen, HVMOP_ALTP2M_SET_SUPPRESS_VE_MULTI, domain, arg) }?;
    let failed = arg.first_error != 0;
    Ok(failed.then(|| (Gfn(arg.first_error_gfn), Errno(arg.first_error.saturating_abs()))))
}

/// Returns the number of the view that `vcpu` uses.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_get_p2m_idx")]
pub fn get_p2m_idx<H: Hypercall + ?Sized>(xen: &H, domain: DomId, vcpu: u32) -> Result<u16, Errno> {
    let arg = XenHvmAltp2mGetVcpuP2mIdx { vcpu_id: vcpu, ..Default::default() };
    // SAFETY: the command only reads.
    unsafe { op(xen, HVMOP_ALTP2M_GET_P2M_IDX, domain, arg) }.map(|arg| arg.altp2m_idx)
}

/// Permits or forbids the guest to switch to a view by the CPU's instruction.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "HVMOP_altp2m_set_visibility")]
pub fn set_visibility<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    view: u16,
    visible: bool,
) -> Result<(), Errno> {
    let arg = XenHvmAltp2mSetVisibility { altp2m_idx: view, visible: visible.into(), pad: 0 };
    // SAFETY: memory does not change.
    unsafe { op(xen, HVMOP_ALTP2M_SET_VISIBILITY, domain, arg) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const DOM: DomId = DomId(7);

    fn whole<T: IntoBytes + Immutable>(cmd: u32, arg: &T) -> XenHvmAltp2mOp {
        XenHvmAltp2mOp { version: 1, cmd, domain: DOM, pad1: 0, pad2: 0, u: union_of(arg) }
    }

    #[test]
    fn each_function_issues_its_operation() {
        let frames = [Gfn(1), Gfn(2)];
        let list = [1u8, 2];
        let multi = XenHvmAltp2mSetMemAccessMulti {
            view: 2,
            nr: 2,
            pfn_list: GuestHandle::from_ptr(frames.as_ptr()),
            access_list: GuestHandle::from_ptr(list.as_ptr()),
            ..Default::default()
        };
        let ve = XenHvmAltp2mSuppressVe { view: 2, suppress_ve: 1, gfn: 3, ..Default::default() };
        let no_ve = XenHvmAltp2mSuppressVe { suppress_ve: 0, ..ve };
        let ves = XenHvmAltp2mSuppressVeMulti {
            view: 2,
            suppress_ve: 1,
            first_gfn: 3,
            last_gfn: 4,
            ..Default::default()
        };
        let view = XenHvmAltp2mView { view: 2, hvmmem_default_access: 0 };
        let new = XenHvmAltp2mView { view: 0, hvmmem_default_access: 7 };
        let access = XenHvmAltp2mMemAccess { view: 2, access: 1, gfn: 3, ..Default::default() };
        let ask = XenHvmAltp2mMemAccess { access: 0, ..access };
        let own =
            XenHvmAltp2mChangeGfn { view: 2, old_gfn: 3, new_gfn: u64::MAX, ..Default::default() };
        let enable = XenHvmAltp2mVcpuEnableNotify { vcpu_id: 5, gfn: 3, ..Default::default() };
        let vcpu = XenHvmAltp2mGetVcpuP2mIdx { vcpu_id: 5, ..Default::default() };
        let visible = XenHvmAltp2mSetVisibility { altp2m_idx: 2, visible: 1, pad: 0 };
        const OP: usize = HYPERVISOR_HVM_OP;
        const A: u32 = HVMOP_ALTP2M;
        issues! {
            get_domain_state(DOM) => OP, [A], whole(HVMOP_ALTP2M_GET_DOMAIN_STATE, &0u8);
            set_domain_state(DOM, true) => OP, [A], whole(HVMOP_ALTP2M_SET_DOMAIN_STATE, &1u8);
            vcpu_enable_notify(DOM, 5, Gfn(3)) => OP, [A],
                whole(HVMOP_ALTP2M_VCPU_ENABLE_NOTIFY, &enable);
            vcpu_disable_notify(DOM, 5) => OP, [A], whole(HVMOP_ALTP2M_VCPU_DISABLE_NOTIFY, &5u32);
            create_p2m(DOM, XenmemAccess::RWX) => OP, [A], whole(HVMOP_ALTP2M_CREATE_P2M, &new);
            destroy_p2m(DOM, 2) => OP, [A], whole(HVMOP_ALTP2M_DESTROY_P2M, &view);
            switch_p2m(DOM, 2) => OP, [A], whole(HVMOP_ALTP2M_SWITCH_P2M, &view);
            set_mem_access(DOM, 2, Gfn(3), XenmemAccess::R) => OP, [A],
                whole(HVMOP_ALTP2M_SET_MEM_ACCESS, &access);
            get_mem_access(DOM, 2, Gfn(3)) => OP, [A], whole(HVMOP_ALTP2M_GET_MEM_ACCESS, &ask);
            change_gfn(DOM, 2, Gfn(3), None) => OP, [A], whole(HVMOP_ALTP2M_CHANGE_GFN, &own);
            set_suppress_ve(DOM, 2, Gfn(3), true) => OP, [A],
                whole(HVMOP_ALTP2M_SET_SUPPRESS_VE, &ve);
            get_suppress_ve(DOM, 2, Gfn(3)) => OP, [A], whole(HVMOP_ALTP2M_GET_SUPPRESS_VE, &no_ve);
            set_suppress_ve_multi(DOM, 2, Gfn(3), Gfn(4), true) => OP, [A],
                whole(HVMOP_ALTP2M_SET_SUPPRESS_VE_MULTI, &ves);
            set_mem_access_multi(DOM, 2, &frames, &list) => OP, [A],
                whole(HVMOP_ALTP2M_SET_MEM_ACCESS_MULTI, &multi);
            get_p2m_idx(DOM, 5) => OP, [A], whole(HVMOP_ALTP2M_GET_P2M_IDX, &vcpu);
            set_visibility(DOM, 2, true) => OP, [A], whole(HVMOP_ALTP2M_SET_VISIBILITY, &visible);
        }
    }

    #[test]
    fn written_result_is_returned() {
        let xen = Recorder::expecting(1, size_of::<XenHvmAltp2mOp>());
        let xen = xen.answering(&whole(
            HVMOP_ALTP2M_CREATE_P2M,
            &XenHvmAltp2mView { view: 4, ..Default::default() },
        ));
        assert_eq!(create_p2m(&xen, DOM, XenmemAccess::RWX), Ok(4));
    }

    #[test]
    fn lists_of_different_length_are_refused() {
        let xen = Recorder::default();
        assert_eq!(set_mem_access_multi(&xen, DOM, 1, &[Gfn(1)], &[]), Err(Errno::EINVAL));
        assert_eq!(xen.calls(), 0);
    }
}
