//! `mca`: error telemetry of the machine; for dom0 on x86. Source: `arch-x86/xen-mca.h`.
//!
//! [`call`] takes any operation with its structure, also those that inject errors. All functions
//! return `EPERM` in a guest, `ENOSYS` in a dom0 that is not PV, [`ControlError::Version`] if Xen's
//! interface has another version, which no recent release has.

pub use super::control::ControlError;
use super::{count, from_union, structure, union_of};
use crate::Hypercall;
use xen_sys::GuestHandle;
use xen_sys::arch_x86::xen_mca::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

fn whole<T: IntoBytes + Immutable>(number: u32, arg: &T) -> XenMc {
    XenMc { cmd: number, interface_version: XEN_MCA_INTERFACE_VERSION, u: union_of(arg) }
}

/// Issues operation `number` (`XEN_MC_*`) with its structure.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// `arg` must be the operation's structure, with all that it points to. An injected error can stop
/// the machine.
#[doc(alias = "HYPERVISOR_mca")]
pub unsafe fn call<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    arg: &mut T,
) -> Result<usize, ControlError> {
    let mut whole = whole(number, arg);
    // SAFETY: operation and structure are the caller's obligation.
    let result = unsafe { structure(xen, HYPERVISOR_MCA, &mut whole) };
    from_union(&whole.u, arg);
    result.map_err(|errno| ControlError::of(errno, XEN_MCA_INTERFACE_VERSION))
}

/// Result of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Flags of the result, `XEN_MC_*`: [`XEN_MC_NODATA`] if there was no telemetry.
    pub flags: u32,
    /// Identifier for [`acknowledge`].
    pub id: u64,
}

/// Fetches telemetry, urgent or not, into `data`: a header of four 32-bit words (the number of
/// records in the first), then records.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_MC_fetch")]
pub fn fetch<H: Hypercall + ?Sized>(
    xen: &H,
    urgent: bool,
    data: &mut [u64; MCINFO_HYPERCALLSIZE / 8],
) -> Result<Fetched, ControlError> {
    let flags = if urgent { XEN_MC_URGENT } else { XEN_MC_NONURGENT };
    let data = GuestHandle::from_mut_ptr(data.as_mut_ptr());
    let mut arg = XenMcFetch { flags, data, ..Default::default() };
    // SAFETY: the operation's own structure, with a buffer as large as a fetch needs.
    unsafe { call(xen, XEN_MC_FETCH, &mut arg) }?;
    Ok(Fetched { flags: arg.flags, id: arg.fetch_id })
}

/// Acknowledges telemetry, so that the next one can be fetched.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for an unknown identifier.
#[doc(alias = "XEN_MC_ACK")]
pub fn acknowledge<H: Hypercall + ?Sized>(
    xen: &H,
    urgent: bool,
    id: u64,
) -> Result<(), ControlError> {
    let flags = XEN_MC_ACK | if urgent { XEN_MC_URGENT } else { XEN_MC_NONURGENT };
    let mut arg = XenMcFetch { flags, fetch_id: id, ..Default::default() };
    // SAFETY: the operation's own structure; an acknowledgement has no buffer.
    unsafe { call(xen, XEN_MC_FETCH, &mut arg) }.map(drop)
}

/// Writes the information of each CPU, and returns the number of CPUs. Without room, only returns
/// the number.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_MC_physcpuinfo")]
pub fn physcpuinfo<H: Hypercall + ?Sized>(
    xen: &H,
    cpus: &mut [McinfoLogicalCpu],
) -> Result<usize, ControlError> {
    let room = cpus.len();
    let info =
        if room == 0 { GuestHandle::NULL } else { GuestHandle::from_mut_ptr(cpus.as_mut_ptr()) };
    let mut arg = XenMcPhyscpuinfo { ncpus: count(room), info, ..Default::default() };
    // SAFETY: the operation's own structure; Xen writes at most ncpus entries.
    unsafe { call(xen, XEN_MC_PHYSCPUINFO, &mut arg) }?;
    Ok(arg.ncpus as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn each_function_issues_its_operation() {
        const OP: usize = HYPERVISOR_MCA;
        let data = &mut [0; MCINFO_HYPERCALLSIZE / 8];
        let handle = GuestHandle::from_ptr(data.as_ptr());
        let fetched = XenMcFetch { flags: 2, data: handle, ..Default::default() };
        let ack = XenMcFetch { flags: 5, fetch_id: 9, ..Default::default() };
        issues! {
            call(5, &mut 3u32) => OP, [], whole(5, &3u32);
            fetch(true, data) => OP, [], whole(XEN_MC_FETCH, &fetched);
            acknowledge(false, 9) => OP, [], whole(XEN_MC_FETCH, &ack);
            physcpuinfo(&mut []) => OP, [], whole(XEN_MC_PHYSCPUINFO, &());
        }
    }
}
