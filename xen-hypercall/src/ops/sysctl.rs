//! `sysctl`: information about the host and its control; for a toolstack. Source: `sysctl.h`.
//!
//! Each release of Xen has an interface of its own: [`XEN_SYSCTL_INTERFACE_VERSION`] is that of the
//! structures of [`xen_sys::sysctl`]. [`call`] takes any operation with its structure; those that a
//! dom0 kernel uses have functions.
//!
//! All functions return [`ControlError::Version`] under another release, and `EPERM` without
//! privilege.

pub use super::control::ControlError;
use super::{control, count, from_union, structure, union_of};
use crate::{DomId, Hypercall};
use xen_sys::GuestHandle;
use xen_sys::domctl::XenDomctlGetdomaininfo;
use xen_sys::sysctl::*;
use xen_sys::xen::HYPERVISOR_SYSCTL;
use zerocopy::{FromBytes, Immutable, IntoBytes};

fn whole<T: IntoBytes + Immutable>(number: u32, arg: &T) -> XenSysctl {
    XenSysctl { cmd: number, interface_version: XEN_SYSCTL_INTERFACE_VERSION, u: union_of(arg) }
}

/// Issues operation `number` (`XEN_SYSCTL_*`), with its structure (`()` for none), and returns its
/// result.
///
/// # Errors
///
/// See the [module](self). Also on an error, the structure has the values that Xen wrote.
///
/// # Safety
///
/// `arg` must be the operation's structure, with all that it points to.
pub unsafe fn call<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    arg: &mut T,
) -> Result<usize, ControlError> {
    let mut whole = whole(number, arg);
    // SAFETY: operation and structure are the caller's obligation.
    let result = unsafe { structure(xen, HYPERVISOR_SYSCTL, &mut whole) };
    from_union(&whole.u, arg);
    result.map_err(|errno| ControlError::of(errno, XEN_SYSCTL_INTERFACE_VERSION))
}

/// Returns the version of Xen's interface; `None` if it is not near that of the bindings.
pub fn interface_version<H: Hypercall + ?Sized>(xen: &H) -> Option<u32> {
    control::find_version(XEN_SYSCTL_INTERFACE_VERSION, |version| {
        let mut whole = XenSysctl { interface_version: version, ..whole(XEN_SYSCTL_SCHED_ID, &()) };
        // SAFETY: the operation's own structure, which contains no pointer; it only reads.
        unsafe { structure(xen, HYPERVISOR_SYSCTL, &mut whole) }
    })
}

/// Issues operation `number` and returns its structure.
///
/// # Safety
///
/// As [`call`].
unsafe fn ask<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    mut arg: T,
) -> Result<T, ControlError> {
    // SAFETY: operation and structure are the caller's obligation.
    unsafe { call(xen, number, &mut arg) }?;
    Ok(arg)
}

/// Returns the machine's CPUs, memory and capabilities.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_SYSCTL_physinfo")]
pub fn physinfo<H: Hypercall + ?Sized>(xen: &H) -> Result<XenSysctlPhysinfo, ControlError> {
    // SAFETY: the operation's own structure, which contains no pointer.
    unsafe { ask(xen, XEN_SYSCTL_PHYSINFO, XenSysctlPhysinfo::default()) }
}

/// Returns the scheduler, `XEN_SCHEDULER_*`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_SYSCTL_sched_id")]
pub fn sched_id<H: Hypercall + ?Sized>(xen: &H) -> Result<u32, ControlError> {
    // SAFETY: the operation's own structure, which contains no pointer.
    unsafe { ask(xen, XEN_SYSCTL_SCHED_ID, XenSysctlSchedId::default()) }.map(|arg| arg.sched_id)
}

/// Position in Xen's messages for the next read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsoleIndex(pub u32);

/// Reads Xen's messages from `from` on (`None`: from the oldest) into `buffer`. Returns the number
/// of bytes and the position of the next message.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_SYSCTL_readconsole")]
pub fn readconsole<H: Hypercall + ?Sized>(
    xen: &H,
    from: Option<ConsoleIndex>,
    buffer: &mut [u8],
) -> Result<(usize, ConsoleIndex), ControlError> {
    let arg = XenSysctlReadconsole {
        incremental: from.is_some().into(),
        index: from.unwrap_or_default().0,
        buffer: GuestHandle::from_mut_ptr(buffer.as_mut_ptr()),
        count: count(buffer.len()),
        ..Default::default()
    };
    // SAFETY: the operation's own structure; Xen writes at most count bytes to the buffer, which is
    // borrowed.
    let arg = unsafe { ask(xen, XEN_SYSCTL_READCONSOLE, arg) }?;
    Ok(((arg.count as usize).min(buffer.len()), ConsoleIndex(arg.index)))
}

/// Writes Xen's information about the domains from number `first` on into `domains`, and returns
/// the number of these domains.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_SYSCTL_getdomaininfolist")]
pub fn getdomaininfolist<H: Hypercall + ?Sized>(
    xen: &H,
    first: DomId,
    domains: &mut [XenDomctlGetdomaininfo],
) -> Result<usize, ControlError> {
    // The entries belong to the other interface, and have the layout of its version: Xen must have
    // both.
    let ours = xen_sys::domctl::XEN_DOMCTL_INTERFACE_VERSION;
    if super::domctl::interface_version(xen) != Some(ours) {
        return Err(ControlError::Version { ours });
    }
    let arg = XenSysctlGetdomaininfolist {
        first_domain: first,
        max_domains: count(domains.len()),
        buffer: GuestHandle::from_mut_ptr(domains.as_mut_ptr()),
        ..Default::default()
    };
    // SAFETY: the operation's own structure; Xen writes at most max_domains entries, of this size.
    let arg = unsafe { ask(xen, XEN_SYSCTL_GETDOMAININFOLIST, arg) }?;
    Ok((arg.num_domains as usize).min(domains.len()))
}

/// Sends debug keys to Xen, as if typed on its console: `h` for a list.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// Some keys stop the machine, others change the behaviour of Xen. None accesses the caller's
/// memory, but `C` and `R` end the caller.
#[doc(alias = "XEN_SYSCTL_debug_keys")]
pub unsafe fn debug_keys<H: Hypercall + ?Sized>(xen: &H, keys: &[u8]) -> Result<(), ControlError> {
    let handle = GuestHandle::from_ptr(keys.as_ptr());
    let arg = XenSysctlDebugKeys { keys: handle, nr_keys: count(keys.len()), ..Default::default() };
    // SAFETY: the operation's own structure; the keys are only read, and their effect is the
    // caller's obligation.
    unsafe { ask(xen, XEN_SYSCTL_DEBUG_KEYS, arg) }.map(drop)
}

/// Writes the idle time of each CPU, and returns the number of CPUs.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_SYSCTL_getcpuinfo")]
pub fn getcpuinfo<H: Hypercall + ?Sized>(
    xen: &H,
    cpus: &mut [XenSysctlCpuinfo],
) -> Result<usize, ControlError> {
    let info = GuestHandle::from_mut_ptr(cpus.as_mut_ptr());
    let arg = XenSysctlGetcpuinfo { max_cpus: count(cpus.len()), info, ..Default::default() };
    // SAFETY: the operation's own structure; Xen writes at most max_cpus entries.
    let arg = unsafe { ask(xen, XEN_SYSCTL_GETCPUINFO, arg) }?;
    Ok((arg.nr_cpus as usize).min(cpus.len()))
}

/// Returns the number of bytes of free memory, on one node or on all nodes.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_SYSCTL_availheap")]
pub fn availheap<H: Hypercall + ?Sized>(xen: &H, node: Option<u16>) -> Result<u64, ControlError> {
    let arg = XenSysctlAvailheap { node: node.map_or(-1, i32::from), ..Default::default() };
    // SAFETY: the operation's own structure, which contains no pointer.
    unsafe { ask(xen, XEN_SYSCTL_AVAILHEAP, arg) }.map(|arg| arg.avail_bytes)
}

/// Writes the topology of each CPU (core, socket, node), and returns the number of CPUs.
///
/// # Errors
///
/// See the [module](self); `ENOBUFS` if there are more CPUs than fit.
#[doc(alias = "XEN_SYSCTL_cputopoinfo")]
pub fn cputopoinfo<H: Hypercall + ?Sized>(
    xen: &H,
    cpus: &mut [XenSysctlCputopo],
) -> Result<usize, ControlError> {
    let cputopo = GuestHandle::from_mut_ptr(cpus.as_mut_ptr());
    let arg = XenSysctlCputopoinfo { num_cpus: count(cpus.len()), cputopo, ..Default::default() };
    // SAFETY: the operation's own structure; Xen writes at most num_cpus entries.
    let arg = unsafe { ask(xen, XEN_SYSCTL_CPUTOPOINFO, arg) }?;
    Ok((arg.num_cpus as usize).min(cpus.len()))
}

/// Writes the memory size of each node, and returns the number of nodes.
///
/// # Errors
///
/// See the [module](self); `ENOBUFS` if there are more nodes than fit.
#[doc(alias = "XEN_SYSCTL_numainfo")]
pub fn numainfo<H: Hypercall + ?Sized>(
    xen: &H,
    nodes: &mut [XenSysctlMeminfo],
) -> Result<usize, ControlError> {
    let meminfo = GuestHandle::from_mut_ptr(nodes.as_mut_ptr());
    let arg = XenSysctlNumainfo { num_nodes: count(nodes.len()), meminfo, ..Default::default() };
    // SAFETY: the operation's own structure; Xen writes at most num_nodes entries.
    let arg = unsafe { ask(xen, XEN_SYSCTL_NUMAINFO, arg) }?;
    Ok((arg.num_nodes as usize).min(nodes.len()))
}

/// Brings a CPU or second threads up or down: `XEN_SYSCTL_CPU_HOTPLUG_*`.
///
/// # Errors
///
/// See the [module](self); `EBUSY`, see [`super::retry`]; `EINVAL` for an unknown CPU.
#[doc(alias = "XEN_SYSCTL_cpu_hotplug")]
pub fn cpu_hotplug<H: Hypercall + ?Sized>(xen: &H, cpu: u32, op: u32) -> Result<(), ControlError> {
    // SAFETY: the operation's own structure, which contains no pointer. Xen moves vCPUs to other
    // CPUs.
    unsafe { ask(xen, XEN_SYSCTL_CPU_HOTPLUG, XenSysctlCpuHotplug { cpu, op }) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};
    use zerocopy::FromZeros;

    const OP: usize = HYPERVISOR_SYSCTL;

    #[test]
    fn each_function_issues_its_operation() {
        let buffer = &mut [0u8; 9];
        let handle = GuestHandle::from_ptr(buffer.as_ptr());
        let console = XenSysctlReadconsole { buffer: handle, count: 9, ..Default::default() };
        let domains = &mut [XenDomctlGetdomaininfo::new_zeroed(); 2];
        let list = XenSysctlGetdomaininfolist {
            first_domain: DomId(1),
            max_domains: 2,
            buffer: GuestHandle::from_ptr(domains.as_ptr()),
            ..Default::default()
        };
        let keys = *b"qr";
        let debug = XenSysctlDebugKeys {
            keys: GuestHandle::from_ptr(keys.as_ptr()),
            nr_keys: 2,
            ..Default::default()
        };
        let cpus = &mut [XenSysctlCpuinfo::default(); 2];
        let info = GuestHandle::from_ptr(cpus.as_ptr());
        let cpu = XenSysctlGetcpuinfo { max_cpus: 2, info, ..Default::default() };
        let places = &mut [XenSysctlCputopo::default(); 2];
        let cputopo = GuestHandle::from_ptr(places.as_ptr());
        let topo = XenSysctlCputopoinfo { num_cpus: 2, cputopo, ..Default::default() };
        let nodes = &mut [XenSysctlMeminfo::default(); 2];
        let meminfo = GuestHandle::from_ptr(nodes.as_ptr());
        let numa = XenSysctlNumainfo { num_nodes: 2, meminfo, ..Default::default() };
        let heap = XenSysctlAvailheap { node: -1, ..Default::default() };
        issues! {
            call(99, &mut 5u32) => OP, [], whole(99, &5u32);
            physinfo() => OP, [], whole(XEN_SYSCTL_PHYSINFO, &());
            sched_id() => OP, [], whole(XEN_SYSCTL_SCHED_ID, &());
            readconsole(None, buffer) => OP, [], whole(XEN_SYSCTL_READCONSOLE, &console);
            readconsole(Some(ConsoleIndex(5)), buffer) => OP, [], whole(
                XEN_SYSCTL_READCONSOLE,
                &XenSysctlReadconsole { incremental: 1, index: 5, ..console },
            );
            getdomaininfolist(DomId(1), domains) => OP, [],
                whole(XEN_SYSCTL_GETDOMAININFOLIST, &list);
            debug_keys(&keys) => OP, [], whole(XEN_SYSCTL_DEBUG_KEYS, &debug);
            getcpuinfo(cpus) => OP, [], whole(XEN_SYSCTL_GETCPUINFO, &cpu);
            availheap(None) => OP, [], whole(XEN_SYSCTL_AVAILHEAP, &heap);
            availheap(Some(3)) => OP, [],
                whole(XEN_SYSCTL_AVAILHEAP, &XenSysctlAvailheap { node: 3, ..heap });
            cputopoinfo(places) => OP, [], whole(XEN_SYSCTL_CPUTOPOINFO, &topo);
            numainfo(nodes) => OP, [], whole(XEN_SYSCTL_NUMAINFO, &numa);
            cpu_hotplug(3, 1) => OP, [],
                whole(XEN_SYSCTL_CPU_HOTPLUG, &XenSysctlCpuHotplug { cpu: 3, op: 1 });
        }
    }

    #[test]
    fn domain_list_needs_both_versions() {
        let version = ControlError::Version { ours: xen_sys::domctl::XEN_DOMCTL_INTERFACE_VERSION };
        let xen = Recorder::default().returning(-13);
        assert_eq!(getdomaininfolist(&xen, DomId(0), &mut []), Err(version));
        let version = ControlError::Version { ours: XEN_SYSCTL_INTERFACE_VERSION };
        assert_eq!(sched_id(&xen), Err(version));
        assert_eq!(interface_version(&Recorder::default()), Some(XEN_SYSCTL_INTERFACE_VERSION));
    }

    #[test]
    fn read_count_is_limited_to_buffer() {
        let arg = XenSysctlReadconsole { count: 100, index: 7, ..Default::default() };
        let answer = whole(XEN_SYSCTL_READCONSOLE, &arg);
        let xen = Recorder::expecting(0, size_of::<XenSysctl>()).answering(&answer);
        assert_eq!(readconsole(&xen, None, &mut [0; 9]), Ok((9, ConsoleIndex(7))));
    }
}
