//! `dm_op`: operations of a device model on the guest that it serves. Source: `hvm/dm_op.h`.
//!
//! For dom0 and for a domain whose target is the guest. All functions return `ESRCH` if there is no
//! such domain, `EPERM` if the caller does not serve it, `EINVAL` for a PV guest or a wrong
//! argument, `EOPNOTSUPP` for an operation that the architecture does not have.

use super::{check, count, from_union, union_of};
use crate::{DomId, Errno, Gfn, Hypercall, Port};
use xen_sys::GuestHandle;
use xen_sys::hvm::dm_op::*;
use xen_sys::hvm::hvm_op::HvmmemType;
use xen_sys::sched::ShutdownReason;
use xen_sys::xen::HYPERVISOR_DM_OP;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Issues operation `number` (`XEN_DMOP_*`) on a domain, with its structure and at most one further
/// buffer, and returns its result.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// `arg` must be the operation's structure. If the caller uses memory of the domain, it must expect
/// the effect of the operation.
pub unsafe fn call<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    domain: DomId,
    arg: &mut T,
    buffer: Option<&mut [u8]>,
) -> Result<usize, Errno> {
    let mut whole = XenDmOp { op: number, pad: 0, u: union_of(arg) };
    let h = GuestHandle::from_mut_ptr(&raw mut whole);
    let has_further = buffer.is_some();
    let further = buffer.map_or(XenDmOpBuf::default(), |bytes| XenDmOpBuf {
        h: GuestHandle::from_mut_ptr(bytes.as_mut_ptr()),
        size: bytes.len() as u64,
    });
    let mut buffers = [XenDmOpBuf { h, size: size_of::<XenDmOp>() as u64 }, further];
    let used = 1 + usize::from(has_further);
    let call = [domain.0 as usize, used, buffers.as_mut_ptr().expose_provenance(), 0, 0];
    // SAFETY: the buffers have the given sizes and are borrowed during the call. The operation is
    // the caller's obligation.
    let result = check(unsafe { xen.hypercall(HYPERVISOR_DM_OP, call) });
    from_union(&whole.u, arg);
    result
}

fn op<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    domain: DomId,
    mut arg: T,
) -> Result<T, Errno> {
    // SAFETY: private; each caller below passes the operation's own structure, which contains no
    // pointer. The operation changes interrupts of another domain, or is documented as unsafe.
    unsafe { call(xen, number, domain, &mut arg, None) }?;
    Ok(arg)
}

/// Server of I/O requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerId(pub u16);

/// Creates a server; `handle_bufioreq` selects its handling of buffered requests
/// (`HVM_IOREQSRV_BUFIOREQ_*`).
///
/// # Errors
///
/// See the [module](self); `ENOSPC` if Xen has no room for another server.
#[doc(alias = "XEN_DMOP_create_ioreq_server")]
pub fn create_ioreq_server<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    handle_bufioreq: u8,
) -> Result<ServerId, Errno> {
    let arg = XenDmOpCreateIoreqServer { handle_bufioreq, ..Default::default() };
    op(xen, XEN_DMOP_CREATE_IOREQ_SERVER, domain, arg).map(|arg| ServerId(arg.id))
}

/// Returns a server's port for buffered requests and, if `frames` is set, the guest's frames of its
/// pages. Prefer [`super::memory_admin::acquire_resource`], which removes the pages from the
/// guest's memory map.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such server.
#[doc(alias = "XEN_DMOP_get_ioreq_server_info")]
pub fn get_ioreq_server_info<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    server: ServerId,
    frames: bool,
) -> Result<(Port, Option<[Gfn; 2]>), Errno> {
    let flags = if frames { 0 } else { XEN_DMOP_NO_GFNS };
    let arg = XenDmOpGetIoreqServerInfo { id: server.0, flags, ..Default::default() };
    let arg = op(xen, XEN_DMOP_GET_IOREQ_SERVER_INFO, domain, arg)?;
    Ok((arg.bufioreq_port, frames.then_some([Gfn(arg.ioreq_gfn), Gfn(arg.bufioreq_gfn)])))
}

/// Range of addresses that a server handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoRange {
    /// Kind of the range: `XEN_DMOP_IO_RANGE_*`.
    pub kind: u32,
    /// First address.
    pub start: u64,
    /// Last address.
    pub end: u64,
}

impl IoRange {
    fn of(self, server: ServerId) -> XenDmOpIoreqServerRange {
        XenDmOpIoreqServerRange {
            id: server.0,
            pad: 0,
            type_: self.kind,
            start: self.start,
            end: self.end,
        }
    }
}

/// Forwards accesses to a range to a server.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such server, `EEXIST` for a range of this
/// server.
#[doc(alias = "XEN_DMOP_map_io_range_to_ioreq_server")]
pub fn map_io_range<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    server: ServerId,
    range: IoRange,
) -> Result<(), Errno> {
    op(xen, XEN_DMOP_MAP_IO_RANGE_TO_IOREQ_SERVER, domain, range.of(server)).map(drop)
}

/// Ends the forwarding of accesses to a range.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such server or range.
#[doc(alias = "XEN_DMOP_unmap_io_range_from_ioreq_server")]
pub fn unmap_io_range<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    server: ServerId,
    range: IoRange,
) -> Result<(), Errno> {
    op(xen, XEN_DMOP_UNMAP_IO_RANGE_FROM_IOREQ_SERVER, domain, range.of(server)).map(drop)
}

/// Enables or disables a server. A new one is disabled.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such server.
#[doc(alias = "XEN_DMOP_set_ioreq_server_state")]
pub fn set_ioreq_server_state<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    server: ServerId,
    enabled: bool,
) -> Result<(), Errno> {
    let arg = XenDmOpSetIoreqServerState { id: server.0, enabled: enabled.into(), pad: 0 };
    op(xen, XEN_DMOP_SET_IOREQ_SERVER_STATE, domain, arg).map(drop)
}

/// Destroys a server.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such server.
#[doc(alias = "XEN_DMOP_destroy_ioreq_server")]
pub fn destroy_ioreq_server<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    server: ServerId,
) -> Result<(), Errno> {
    let arg = XenDmOpDestroyIoreqServer { id: server.0, pad: 0 };
    op(xen, XEN_DMOP_DESTROY_IOREQ_SERVER, domain, arg).map(drop)
}

/// Tracks changes of `pages` pages from `first` on, and writes one bit for each into `dirty`. Zero
/// pages end the tracking.
///
/// # Errors
///
/// See the [module](self); `EINVAL` also if `dirty` has less than one bit for each page.
#[doc(alias = "XEN_DMOP_track_dirty_vram")]
pub fn track_dirty_vram<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    first: Gfn,
    pages: u32,
    dirty: &mut [u8],
) -> Result<(), Errno> {
    if dirty.len() < (pages as usize).div_ceil(8) {
        return Err(Errno::EINVAL);
    }
    let mut arg = XenDmOpTrackDirtyVram { nr: pages, pad: 0, first_pfn: first.0 };
    // SAFETY: the operation's own structure, with a buffer of the size that it needs.
    unsafe { call(xen, XEN_DMOP_TRACK_DIRTY_VRAM, domain, &mut arg, Some(dirty)) }.map(drop)
}

/// Sets the level of an interrupt pin (0 to 3) of a PCI device: segment, bus, device.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_set_pci_intx_level")]
pub fn set_pci_intx_level<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    (segment, bus, device): (u16, u8, u8),
    pin: u8,
    asserted: bool,
) -> Result<(), Errno> {
    let level = asserted.into();
    let arg = XenDmOpSetPciIntxLevel { domain: segment, bus, device, intx: pin, level };
    op(xen, XEN_DMOP_SET_PCI_INTX_LEVEL, domain, arg).map(drop)
}

/// Sets the level of an ISA interrupt (0 to 15).
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_set_isa_irq_level")]
pub fn set_isa_irq_level<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    irq: u8,
    asserted: bool,
) -> Result<(), Errno> {
    let arg = XenDmOpSetIsaIrqLevel { isa_irq: irq, level: asserted.into() };
    op(xen, XEN_DMOP_SET_ISA_IRQ_LEVEL, domain, arg).map(drop)
}

/// Sets the level of an interrupt line. Arm only.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_set_irq_level")]
pub fn set_irq_level<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    irq: u32,
    asserted: bool,
) -> Result<(), Errno> {
    let arg = XenDmOpSetIrqLevel { irq, level: asserted.into(), pad: [0; 3] };
    op(xen, XEN_DMOP_SET_IRQ_LEVEL, domain, arg).map(drop)
}

/// Routes a PCI interrupt link (0 to 3) to an ISA interrupt; 0 for none.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_set_pci_link_route")]
pub fn set_pci_link_route<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    link: u8,
    irq: u8,
) -> Result<(), Errno> {
    let arg = XenDmOpSetPciLinkRoute { link, isa_irq: irq };
    op(xen, XEN_DMOP_SET_PCI_LINK_ROUTE, domain, arg).map(drop)
}

/// Reports runs of pages that the device model has written, for a migration to send again.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_modified_memory")]
pub fn modified_memory<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    runs: &mut [XenDmOpModifiedMemoryExtent],
) -> Result<(), Errno> {
    let mut arg = XenDmOpModifiedMemory { nr_extents: count(runs.len()), opaque: 0 };
    // SAFETY: the operation's own structure, with as many runs as it says.
    unsafe { call(xen, XEN_DMOP_MODIFIED_MEMORY, domain, &mut arg, Some(runs.as_mut_bytes())) }
        .map(drop)
}

/// Sets the type of `pages` pages from `first` on.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_set_mem_type")]
pub fn set_mem_type<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    first: Gfn,
    pages: u32,
    kind: HvmmemType,
) -> Result<(), Errno> {
    let arg = XenDmOpSetMemType { nr: pages, mem_type: kind.0 as u16, pad: 0, first_pfn: first.0 };
    op(xen, XEN_DMOP_SET_MEM_TYPE, domain, arg).map(drop)
}

/// Injects an event into a vCPU.
///
/// # Errors
///
/// See the [module](self); `EBUSY` while another event is pending.
#[doc(alias = "XEN_DMOP_inject_event")]
pub fn inject_event<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    event: XenDmOpInjectEvent,
) -> Result<(), Errno> {
    op(xen, XEN_DMOP_INJECT_EVENT, domain, event).map(drop)
}

/// Injects a message interrupt: the value and the address of a device's write.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_inject_msi")]
pub fn inject_msi<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    address: u64,
    data: u32,
) -> Result<(), Errno> {
    let arg = XenDmOpInjectMsi { data, pad: 0, addr: address };
    op(xen, XEN_DMOP_INJECT_MSI, domain, arg).map(drop)
}

/// Forwards writes ([`XEN_DMOP_IOREQ_MEM_ACCESS_WRITE`]) to memory of the type
/// [`HvmmemType::IOREQ_SERVER`] to a server; zero flags end it.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such server.
#[doc(alias = "XEN_DMOP_map_mem_type_to_ioreq_server")]
pub fn map_mem_type_to_ioreq_server<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    server: ServerId,
    accesses: u32,
) -> Result<(), Errno> {
    let type_ = HvmmemType::IOREQ_SERVER.0 as u16;
    let arg = XenDmOpMapMemTypeToIoreqServer { id: server.0, type_, flags: accesses, opaque: 0 };
    op(xen, XEN_DMOP_MAP_MEM_TYPE_TO_IOREQ_SERVER, domain, arg).map(drop)
}

/// Shuts the guest down.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_remote_shutdown")]
pub fn remote_shutdown<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    reason: ShutdownReason,
) -> Result<(), Errno> {
    op(xen, XEN_DMOP_REMOTE_SHUTDOWN, domain, XenDmOpRemoteShutdown { reason }).map(drop)
}

/// Moves `pages` pages of the guest's memory from frame `from` on to frame `to` on.
///
/// # Errors
///
/// See the [module](self). Some pages may have been moved then.
#[doc(alias = "XEN_DMOP_relocate_memory")]
pub fn relocate_memory<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    from: Gfn,
    to: Gfn,
    pages: u32,
) -> Result<(), Errno> {
    let arg = XenDmOpRelocateMemory { size: pages, pad: 0, src_gfn: from.0, dst_gfn: to.0 };
    op(xen, XEN_DMOP_RELOCATE_MEMORY, domain, arg).map(drop)
}

/// Pins a cache attribute (`XEN_DMOP_MEM_CACHEATTR_*`) for the frames from `first` to `last`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_pin_memory_cacheattr")]
pub fn pin_memory_cacheattr<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    first: Gfn,
    last: Gfn,
    attribute: u32,
) -> Result<(), Errno> {
    let arg = XenDmOpPinMemoryCacheattr { start: first.0, end: last.0, type_: attribute, pad: 0 };
    op(xen, XEN_DMOP_PIN_MEMORY_CACHEATTR, domain, arg).map(drop)
}

/// Returns the maximum number of vCPUs of the guest.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_DMOP_nr_vcpus")]
pub fn nr_vcpus<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<u32, Errno> {
    op(xen, XEN_DMOP_NR_VCPUS, domain, XenDmOpNrVcpus::default()).map(|arg| arg.vcpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::vec::Vec;

    const DOM: DomId = DomId(7);
    const ID: ServerId = ServerId(3);

    /// Model of Xen that reads the buffers behind the handles of the hypercall.
    #[derive(Default)]
    struct Model {
        args: Cell<[usize; 5]>,
        whole: Cell<XenDmOp>,
        further: RefCell<Vec<u8>>,
        answer: Option<XenDmOp>,
    }

    // SAFETY: accesses only the buffers of the call.
    unsafe impl Hypercall for Model {
        unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
            assert_eq!(op, HYPERVISOR_DM_OP);
            self.args.set(args);
            let buffers = core::ptr::with_exposed_provenance::<XenDmOpBuf>(args[2]);
            // SAFETY: the second argument has the number of buffers, and each one has its length.
            unsafe {
                let first = buffers.read();
                assert_eq!(first.size, 32);
                let whole = core::ptr::with_exposed_provenance_mut::<XenDmOp>(first.h.0 as usize);
                self.whole.set(whole.read());
                if let Some(answer) = self.answer {
                    whole.write(answer);
                }
                if args[1] == 2 {
                    let further = buffers.add(1).read();
                    let bytes = core::ptr::with_exposed_provenance(further.h.0 as usize);
                    *self.further.borrow_mut() =
                        core::slice::from_raw_parts(bytes, further.size as usize).to_vec();
                }
            }
            0
        }
    }

    #[test]
    fn each_function_issues_its_operation() {
        let range = IoRange { kind: 1, start: 2, end: 3 };
        let event = XenDmOpInjectEvent { vcpuid: 1, vector: 3, ..Default::default() };
        let run = XenDmOpModifiedMemoryExtent { nr: 1, pad: 0, first_pfn: 9 };
        let frames = [Gfn(4), Gfn(5)];
        type Case<'a> = (u32, &'a dyn Fn(&Model) -> Result<(), Errno>, [u64; 3], &'a [u8]);
        let words = |bytes: &[u8]| {
            let mut words = [0u64; 3];
            words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
            words
        };
        let cases: [Case<'_>; 20] = [
            (1, &|xen| create_ioreq_server(xen, DOM, 2).map(drop), words(&[2]), &[]),
            (
                2,
                &|xen| get_ioreq_server_info(xen, DOM, ID, false).map(drop),
                words(&[3, 0, 1]),
                &[],
            ),
            (3, &|xen| map_io_range(xen, DOM, ID, range).map(drop), [3 | 1 << 32, 2, 3], &[]),
            (4, &|xen| unmap_io_range(xen, DOM, ID, range).map(drop), [3 | 1 << 32, 2, 3], &[]),
            (
                5,
                &|xen| set_ioreq_server_state(xen, DOM, ID, true).map(drop),
                words(&[3, 0, 1]),
                &[],
            ),
            (6, &|xen| destroy_ioreq_server(xen, DOM, ID).map(drop), words(&[3]), &[]),
            (
                7,
                &|xen| track_dirty_vram(xen, DOM, frames[0], 9, &mut [0; 2]).map(drop),
                [9, 4, 0],
                &[0; 2],
            ),
            (
                8,
                &|xen| set_pci_intx_level(xen, DOM, (1, 2, 3), 4, true).map(drop),
                words(&[1, 0, 2, 3, 4, 1]),
                &[],
            ),
            (9, &|xen| set_isa_irq_level(xen, DOM, 5, true).map(drop), words(&[5, 1]), &[]),
            (10, &|xen| set_pci_link_route(xen, DOM, 1, 5).map(drop), words(&[1, 5]), &[]),
            (11, &|xen| modified_memory(xen, DOM, &mut [run]).map(drop), [1, 0, 0], run.as_bytes()),
            (
                12,
                &|xen| set_mem_type(xen, DOM, frames[0], 9, HvmmemType::RAM_RO).map(drop),
                [9 | 1 << 32, 4, 0],
                &[],
            ),
            (13, &|xen| inject_event(xen, DOM, event).map(drop), words(event.as_bytes()), &[]),
            (14, &|xen| inject_msi(xen, DOM, 0xfee0_0000, 9).map(drop), [9, 0xfee0_0000, 0], &[]),
            (
                15,
                &|xen| map_mem_type_to_ioreq_server(xen, DOM, ID, 2).map(drop),
                words(&[3, 0, 4, 0, 2]),
                &[],
            ),
            (
                16,
                &|xen| remote_shutdown(xen, DOM, ShutdownReason::CRASH).map(drop),
                words(&[3]),
                &[],
            ),
            (
                17,
                &|xen| relocate_memory(xen, DOM, frames[0], frames[1], 9).map(drop),
                [9, 4, 5],
                &[],
            ),
            (
                18,
                &|xen| pin_memory_cacheattr(xen, DOM, frames[0], frames[1], 6).map(drop),
                [4, 5, 6],
                &[],
            ),
            (19, &|xen| set_irq_level(xen, DOM, 33, true).map(drop), words(&[33, 0, 0, 0, 1]), &[]),
            (20, &|xen| nr_vcpus(xen, DOM).map(drop), [0; 3], &[]),
        ];
        for (number, run, u, further) in cases {
            let xen = Model::default();
            run(&xen).unwrap();
            assert_eq!(xen.whole.get(), XenDmOp { op: number, pad: 0, u }, "operation {number}");
            assert_eq!(
                xen.args.get()[..2],
                [7, 1 + usize::from(!further.is_empty())],
                "operation {number}"
            );
            assert_eq!(*xen.further.borrow(), further, "buffer of operation {number}");
        }
    }

    #[test]
    fn written_result_is_returned() {
        let answer = XenDmOp { op: 20, pad: 0, u: [6, 0, 0] };
        let xen = Model { answer: Some(answer), ..Default::default() };
        assert_eq!(nr_vcpus(&xen, DOM), Ok(6));
    }

    #[test]
    fn short_bitmap_is_refused() {
        let xen = Model::default();
        assert_eq!(track_dirty_vram(&xen, DOM, Gfn(1), 9, &mut [0]), Err(Errno::EINVAL));
        assert_eq!(xen.args.get(), [0; 5]);
    }
}
