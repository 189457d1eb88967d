//! `domctl`: creation, control and destruction of domains; for a toolstack. Source: `domctl.h`.
//!
//! Each release of Xen has an interface of its own: [`XEN_DOMCTL_INTERFACE_VERSION`] is that of the
//! structures of [`xen_sys::domctl`]. [`call`] takes any operation with its structure; those that a
//! dom0 kernel uses have functions.
//!
//! All functions return [`ControlError::Version`] under another release, `EPERM` without privilege,
//! and `ESRCH` if there is no such domain.
//!
//! ```
//! use xen_hypercall::{DomId, Hypercall, ops::domctl::{self, ControlError}};
//!
//! /// Starts a domain and returns its number of pages.
//! fn start<H: Hypercall>(xen: &H, domain: DomId) -> Result<u64, ControlError> {
//!     domctl::unpausedomain(xen, domain)?;
//!     Ok(domctl::getdomaininfo(xen, domain)?.tot_pages)
//! }
//! ```

pub use super::control::ControlError;
use super::{control, from_union, structure, union_of};
use crate::{DomId, Hypercall};
use xen_sys::domctl::*;
use xen_sys::xen::{HYPERVISOR_DOMCTL, XenDomainHandle};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

fn whole<T: IntoBytes + Immutable>(number: u32, domain: DomId, arg: &T) -> XenDomctl {
    XenDomctl {
        cmd: number,
        interface_version: XEN_DOMCTL_INTERFACE_VERSION,
        domain,
        _pad: [0; 3],
        u: union_of(arg),
    }
}

/// Issues operation `number` (`XEN_DOMCTL_*`) on a domain, with its structure (`()` for none), and
/// returns its result.
///
/// # Errors
///
/// See the [module](self). Also on an error, the structure has the values that Xen wrote.
///
/// # Safety
///
/// `arg` must be the operation's structure, with all that it points to. In this domain, and in
/// domains whose memory this one uses, the caller must expect the effect.
pub unsafe fn call<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    domain: DomId,
    arg: &mut T,
) -> Result<usize, ControlError> {
    let mut whole = whole(number, domain, arg);
    // SAFETY: operation and structure are the caller's obligation.
    let result = unsafe { structure(xen, HYPERVISOR_DOMCTL, &mut whole) };
    from_union(&whole.u, arg);
    result.map_err(|errno| ControlError::of(errno, XEN_DOMCTL_INTERFACE_VERSION))
}

/// Returns the version of Xen's interface; `None` if it is not near that of the bindings.
pub fn interface_version<H: Hypercall + ?Sized>(xen: &H) -> Option<u32> {
    control::find_version(XEN_DOMCTL_INTERFACE_VERSION, |version| {
        // For an invalid domain, so that nothing is done even with the right version.
        let question = whole(XEN_DOMCTL_GETDOMAININFO, DomId::INVALID, &());
        let mut whole = XenDomctl { interface_version: version, ..question };
        // SAFETY: the operation's own structure, which contains no pointer.
        unsafe { structure(xen, HYPERVISOR_DOMCTL, &mut whole) }
    })
}

/// Returns Xen's information about a domain. Before Xen 4.18, the result may be that of the next
/// domain if there is no such domain: compare the number.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DOMCTL_getdomaininfo")]
pub fn getdomaininfo<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
) -> Result<XenDomctlGetdomaininfo, ControlError> {
    let mut arg = XenDomctlGetdomaininfo::new_zeroed();
    // SAFETY: the operation's own structure, which contains no pointer; it only reads.
    unsafe { call(xen, XEN_DOMCTL_GETDOMAININFO, domain, &mut arg) }?;
    Ok(arg)
}

/// Creates a domain, paused and without memory, and returns its number: the requested one, or a
/// free one.
///
/// # Errors
///
/// See the [module](self); `EEXIST` for a number in use, `EINVAL` for a configuration that Xen does
/// not support, `ENOMEM`.
#[doc(alias = "XEN_DOMCTL_createdomain")]
pub fn createdomain<H: Hypercall + ?Sized>(
    xen: &H,
    wish: Option<DomId>,
    config: &XenDomctlCreatedomain,
) -> Result<DomId, ControlError> {
    let mut whole = whole(XEN_DOMCTL_CREATEDOMAIN, wish.unwrap_or(DomId(0)), config);
    // SAFETY: the operation's own structure, which contains no pointer; it changes no existing
    // domain.
    unsafe { structure(xen, HYPERVISOR_DOMCTL, &mut whole) }
        .map_err(|errno| ControlError::of(errno, XEN_DOMCTL_INTERFACE_VERSION))?;
    Ok(whole.domain)
}

fn on_other<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    domain: DomId,
    mut arg: T,
) -> Result<T, ControlError> {
    // SAFETY: private; each caller below passes the operation's own structure, with pointers only
    // to what it borrows. The operations access no memory of the caller. Xen refuses a domain that
    // stops or destroys itself.
    unsafe { call(xen, number, domain, &mut arg) }?;
    Ok(arg)
}

/// Destroys a domain: it stops at once, and its memory is freed as other domains unmap it.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for this domain itself. Xen continues a long operation by
/// itself.
#[doc(alias = "XEN_DOMCTL_destroydomain")]
pub fn destroydomain<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_DESTROYDOMAIN, domain, ())
}

/// Pauses a domain. Pauses are counted.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for this domain itself.
#[doc(alias = "XEN_DOMCTL_pausedomain")]
pub fn pausedomain<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_PAUSEDOMAIN, domain, ())
}

/// Ends one pause. A new domain has one.
///
/// # Errors
///
/// See the [module](self); `EINVAL` if the domain is not paused.
#[doc(alias = "XEN_DOMCTL_unpausedomain")]
pub fn unpausedomain<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_UNPAUSEDOMAIN, domain, ())
}

/// Resumes a domain that has suspended.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for this domain itself.
#[doc(alias = "XEN_DOMCTL_resumedomain")]
pub fn resumedomain<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_RESUMEDOMAIN, domain, ())
}

/// Sets the maximum memory of a domain, in KiB. Memory beyond it is not released.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DOMCTL_max_mem")]
pub fn max_mem<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    kib: u64,
) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_MAX_MEM, domain, XenDomctlMaxMem { max_memkb: kib }).map(drop)
}

/// Creates the vCPUs of a new domain, as many as its configuration has.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for another number than that, `ENOMEM`.
#[doc(alias = "XEN_DOMCTL_max_vcpus")]
pub fn max_vcpus<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    count: u32,
) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_MAX_VCPUS, domain, XenDomctlMaxVcpus { max: count }).map(drop)
}

/// Sets a domain's UUID.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DOMCTL_setdomainhandle")]
pub fn setdomainhandle<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    handle: XenDomainHandle,
) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_SETDOMAINHANDLE, domain, XenDomctlSetdomainhandle { handle }).map(drop)
}

/// Returns Xen's information about a vCPU.
///
/// # Errors
///
/// See the [module](self), `ESRCH` also if there is no such vCPU.
#[doc(alias = "XEN_DOMCTL_getvcpuinfo")]
pub fn getvcpuinfo<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    vcpu: u32,
) -> Result<XenDomctlGetvcpuinfo, ControlError> {
    on_other(
        xen,
        XEN_DOMCTL_GETVCPUINFO,
        domain,
        XenDomctlGetvcpuinfo { vcpu, ..Default::default() },
    )
}

/// Sends a global virtual interrupt (`Virq`) to a domain from now on, instead of to dom0.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for a VIRQ that is unknown or not global.
#[doc(alias = "XEN_DOMCTL_set_virq_handler")]
pub fn set_virq_handler<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    virq: xen_sys::xen::Virq,
) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_SET_VIRQ_HANDLER, domain, XenDomctlSetVirqHandler { virq }).map(drop)
}

/// Permits a domain to serve another one, `target`, like its device model.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for the domain itself, or if it has a target already.
#[doc(alias = "XEN_DOMCTL_set_target")]
pub fn set_target<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    target: DomId,
) -> Result<(), ControlError> {
    on_other(xen, XEN_DOMCTL_SET_TARGET, domain, XenDomctlSetTarget { target }).map(drop)
}

/// Permits or forbids a domain to use the I/O ports from `first` on.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for ports out of range, `EPERM` for ports that the caller may
/// not use.
#[doc(alias = "XEN_DOMCTL_ioport_permission")]
pub fn ioport_permission<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    first: u32,
    count: u32,
    allow: bool,
) -> Result<(), ControlError> {
    let arg = XenDomctlIoportPermission {
        first_port: first,
        nr_ports: count,
        allow_access: allow.into(),
        ..Default::default()
    };
    on_other(xen, XEN_DOMCTL_IOPORT_PERMISSION, domain, arg).map(drop)
}

/// Permits or forbids a domain to map the machine's frames from `first` on.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for frames out of range, `EPERM` for frames that the caller may
/// not map.
#[doc(alias = "XEN_DOMCTL_iomem_permission")]
pub fn iomem_permission<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    first: u64,
    count: u64,
    allow: bool,
) -> Result<(), ControlError> {
    let arg = XenDomctlIomemPermission {
        first_mfn: first,
        nr_mfns: count,
        allow_access: allow.into(),
        ..Default::default()
    };
    on_other(xen, XEN_DOMCTL_IOMEM_PERMISSION, domain, arg).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;
    use crate::ops::recorder::{Recorder, issues};
    use xen_sys::xen::Virq;

    const OP: usize = HYPERVISOR_DOMCTL;
    const DOM: DomId = DomId(7);

    #[test]
    fn each_function_issues_its_operation() {
        let config = XenDomctlCreatedomain { max_vcpus: 3, ..FromZeros::new_zeroed() };
        let vcpu = XenDomctlGetvcpuinfo { vcpu: 3, ..Default::default() };
        let port = XenDomctlIoportPermission {
            first_port: 1,
            nr_ports: 2,
            allow_access: 1,
            ..Default::default()
        };
        let mem = XenDomctlIomemPermission {
            first_mfn: 1,
            nr_mfns: 2,
            allow_access: 1,
            ..Default::default()
        };
        issues! {
            call(99, DOM, &mut 5u32) => OP, [], whole(99, DOM, &5u32);
            getdomaininfo(DOM) => OP, [], whole(XEN_DOMCTL_GETDOMAININFO, DOM, &());
            createdomain(Some(DOM), &config) => OP, [],
                whole(XEN_DOMCTL_CREATEDOMAIN, DOM, &config);
            createdomain(None, &config) => OP, [],
                whole(XEN_DOMCTL_CREATEDOMAIN, DomId(0), &config);
            destroydomain(DOM) => OP, [], whole(XEN_DOMCTL_DESTROYDOMAIN, DOM, &());
            pausedomain(DOM) => OP, [], whole(XEN_DOMCTL_PAUSEDOMAIN, DOM, &());
            unpausedomain(DOM) => OP, [], whole(XEN_DOMCTL_UNPAUSEDOMAIN, DOM, &());
            resumedomain(DOM) => OP, [], whole(XEN_DOMCTL_RESUMEDOMAIN, DOM, &());
            max_mem(DOM, 4096) => OP, [], whole(XEN_DOMCTL_MAX_MEM, DOM, &4096u64);
            max_vcpus(DOM, 2) => OP, [], whole(XEN_DOMCTL_MAX_VCPUS, DOM, &2u32);
            setdomainhandle(DOM, [9; 16]) => OP, [],
                whole(XEN_DOMCTL_SETDOMAINHANDLE, DOM, &[9u8; 16]);
            getvcpuinfo(DOM, 3) => OP, [], whole(XEN_DOMCTL_GETVCPUINFO, DOM, &vcpu);
            set_virq_handler(DOM, Virq::CONSOLE) => OP, [],
                whole(XEN_DOMCTL_SET_VIRQ_HANDLER, DOM, &2u32);
            set_target(DOM, DomId(8)) => OP, [], whole(XEN_DOMCTL_SET_TARGET, DOM, &8u16);
            ioport_permission(DOM, 1, 2, true) => OP, [],
                whole(XEN_DOMCTL_IOPORT_PERMISSION, DOM, &port);
            iomem_permission(DOM, 1, 2, true) => OP, [],
                whole(XEN_DOMCTL_IOMEM_PERMISSION, DOM, &mem);
        }
    }

    #[test]
    fn written_result_is_returned() {
        let info = XenDomctlGetdomaininfo { tot_pages: 99, ..FromZeros::new_zeroed() };
        let answer = whole(XEN_DOMCTL_GETDOMAININFO, DOM, &info);
        let xen = || Recorder::expecting(0, size_of::<XenDomctl>()).answering(&answer);
        assert_eq!(getdomaininfo(&xen(), DOM).map(|info| info.tot_pages), Ok(99));
        assert_eq!(createdomain(&xen(), None, &FromZeros::new_zeroed()), Ok(DOM));
    }

    #[test]
    fn other_release_differs_from_refusal() {
        let version = ControlError::Version { ours: XEN_DOMCTL_INTERFACE_VERSION };
        assert_eq!(pausedomain(&Recorder::default().returning(-13), DOM), Err(version));
        let refused = ControlError::Call(Errno::EPERM);
        assert_eq!(pausedomain(&Recorder::default().returning(-1), DOM), Err(refused));
        assert_eq!(interface_version(&Recorder::default()), Some(XEN_DOMCTL_INTERFACE_VERSION));
        assert_eq!(interface_version(&Recorder::default().returning(-13)), None);
    }
}
