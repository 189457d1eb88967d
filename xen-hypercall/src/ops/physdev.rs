//! `physdev_op`: physical interrupts and PCI devices; for the hardware domain. Source: `physdev.h`.
//!
//! All functions return `EPERM` if the domain is not privileged, `ENOSYS` if this kind of domain
//! does not have the operation (a PVH dom0 has few), `EINVAL` for a wrong argument, `ENODEV` for an
//! unknown device.
//!
//! Omitted: `set_iopl` and `set_iobitmap`, which are for PV guests; `irq_unmask_notify` and
//! `free_irq_vector`, which Xen ignores.

use super::command;
use crate::{DomId, Errno, Gfn, Hypercall};
use xen_sys::physdev::*;
use xen_sys::xen::HYPERVISOR_PHYSDEV_OP;

/// Issues command `number` with its structure.
///
/// # Safety
///
/// `arg` must be the command's structure, and the caller must have access to what it names.
unsafe fn op<H: Hypercall + ?Sized, T>(xen: &H, number: u32, mut arg: T) -> Result<T, Errno> {
    // SAFETY: the structure is the caller's obligation.
    unsafe { command(xen, HYPERVISOR_PHYSDEV_OP, number, &mut arg) }?;
    Ok(arg)
}

/// Ends physical interrupt `irq`, so that the next one can come.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_eoi")]
pub fn eoi<H: Hypercall + ?Sized>(xen: &H, irq: u32) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_EOI, PhysdevEoi { irq }) }.map(drop)
}

/// Registers frame `gmfn` for one bit per interrupt, which shows whether the interrupt needs
/// [`eoi`]. An unmask of its port then ends the interrupt.
///
/// # Errors
///
/// See the [module](self); `EBUSY` if there is a frame already.
///
/// # Safety
///
/// Xen writes to the page from now on, permanently: the caller must not use it otherwise.
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn_v2")]
pub unsafe fn pirq_eoi_gmfn<H: Hypercall + ?Sized>(xen: &H, gmfn: Gfn) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe { op(xen, PHYSDEVOP_PIRQ_EOI_GMFN_V2, PhysdevPirqEoiGmfn { gmfn: gmfn.0 }) }.map(drop)
}

/// Registers a frame like [`pirq_eoi_gmfn`], but an unmask of a port does not end its interrupt.
///
/// # Errors
///
/// See the [module](self); `EBUSY` if there is a frame already.
///
/// # Safety
///
/// Xen writes to the page from now on, permanently: the caller must not use it otherwise.
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn_v1")]
pub unsafe fn pirq_eoi_gmfn_v1<H: Hypercall + ?Sized>(xen: &H, gmfn: Gfn) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe { op(xen, PHYSDEVOP_PIRQ_EOI_GMFN_V1, PhysdevPirqEoiGmfn { gmfn: gmfn.0 }) }.map(drop)
}

/// Returns the handling that interrupt `irq` needs: `XENIRQSTAT_*`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_irq_status_query")]
pub fn irq_status_query<H: Hypercall + ?Sized>(xen: &H, irq: u32) -> Result<u32, Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_IRQ_STATUS_QUERY, PhysdevIrqStatusQuery { irq, flags: 0 }) }
        .map(|arg| arg.flags)
}

/// Reads register `reg` of the I/O APIC at physical address `apic`. For a PV dom0.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_apic_read")]
pub fn apic_read<H: Hypercall + ?Sized>(xen: &H, apic: u64, reg: u32) -> Result<u32, Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_APIC_READ, PhysdevApic { apic_physbase: apic, reg, value: 0 }) }
        .map(|arg| arg.value)
}

/// Writes register `reg` of the I/O APIC at physical address `apic`. For a PV dom0.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// Interrupts may have other targets then: their handlers must expect that.
#[doc(alias = "PHYSDEVOP_apic_write")]
pub unsafe fn apic_write<H: Hypercall + ?Sized>(
    xen: &H,
    apic: u64,
    reg: u32,
    value: u32,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe { op(xen, PHYSDEVOP_APIC_WRITE, PhysdevApic { apic_physbase: apic, reg, value }) }
        .map(drop)
}

/// Returns a vector for interrupt `irq`, which Xen handles by itself. For a PV dom0.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_alloc_irq_vector")]
pub fn alloc_irq_vector<H: Hypercall + ?Sized>(xen: &H, irq: u32) -> Result<u32, Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_ALLOC_IRQ_VECTOR, PhysdevIrq { irq, vector: 0 }) }
        .map(|arg| arg.vector)
}

/// Maps an interrupt of a device to a physical interrupt number, and returns the structure with
/// that number.
///
/// # Errors
///
/// See the [module](self); `ENOSPC` if there is no free number.
///
/// # Safety
///
/// Xen writes message addresses to the machine address `table_base` if the device has no table of
/// its own (a virtual function): it must be zero, or that of the device's MSI-X table.
#[doc(alias = "PHYSDEVOP_map_pirq")]
pub unsafe fn map_pirq<H: Hypercall + ?Sized>(
    xen: &H,
    request: PhysdevMapPirq,
) -> Result<PhysdevMapPirq, Errno> {
    // SAFETY: the command's own structure; the table is the caller's obligation.
    unsafe { op(xen, PHYSDEVOP_MAP_PIRQ, request) }
}

/// Unmaps a physical interrupt number.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_unmap_pirq")]
pub fn unmap_pirq<H: Hypercall + ?Sized>(xen: &H, domain: DomId, pirq: i32) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe {
        op(
            xen,
            PHYSDEVOP_UNMAP_PIRQ,
            PhysdevUnmapPirq { domid: domain, pirq, ..Default::default() },
        )
    }
    .map(drop)
}

/// Reports a PCI device of segment 0 to Xen, in the old form.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_manage_pci_add")]
pub fn manage_pci_add<H: Hypercall + ?Sized>(xen: &H, bus: u8, devfn: u8) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_MANAGE_PCI_ADD, PhysdevManagePci { bus, devfn }) }.map(drop)
}

/// Reports the removal of a PCI device of segment 0, in the old form.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_manage_pci_remove")]
pub fn manage_pci_remove<H: Hypercall + ?Sized>(xen: &H, bus: u8, devfn: u8) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_MANAGE_PCI_REMOVE, PhysdevManagePci { bus, devfn }) }.map(drop)
}

/// Reports a PCI function of segment 0 to Xen, in an old form.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_manage_pci_add_ext")]
pub fn manage_pci_add_ext<H: Hypercall + ?Sized>(
    xen: &H,
    function: PhysdevManagePciExt,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_MANAGE_PCI_ADD_EXT, function) }.map(drop)
}

/// Restores the message interrupts of a PCI device of segment 0 after sleep.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_restore_msi")]
pub fn restore_msi<H: Hypercall + ?Sized>(xen: &H, bus: u8, devfn: u8) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_RESTORE_MSI, PhysdevRestoreMsi { bus, devfn }) }.map(drop)
}

/// Restores the message interrupts of a PCI device after sleep.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_restore_msi_ext")]
pub fn restore_msi_ext<H: Hypercall + ?Sized>(
    xen: &H,
    device: PhysdevPciDevice,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_RESTORE_MSI_EXT, device) }.map(drop)
}

/// Sets trigger and polarity of line `gsi`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_setup_gsi")]
pub fn setup_gsi<H: Hypercall + ?Sized>(
    xen: &H,
    gsi: i32,
    level: bool,
    active_low: bool,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe {
        op(
            xen,
            PHYSDEVOP_SETUP_GSI,
            PhysdevSetupGsi {
                gsi,
                triggering: level.into(),
                polarity: active_low.into(),
                ..Default::default()
            },
        )
    }
    .map(drop)
}

/// Reserves a physical interrupt number for a kind of interrupt (`MAP_PIRQ_TYPE_*`) and returns it.
///
/// # Errors
///
/// See the [module](self); `ENOSPC` if there is no free number.
#[doc(alias = "PHYSDEVOP_get_free_pirq")]
pub fn get_free_pirq<H: Hypercall + ?Sized>(xen: &H, kind: i32) -> Result<u32, Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_GET_FREE_PIRQ, PhysdevGetFreePirq { type_: kind, pirq: 0 }) }
        .map(|arg| arg.pirq)
}

/// Reports the memory of PCI configuration space to Xen.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_pci_mmcfg_reserved")]
pub fn pci_mmcfg_reserved<H: Hypercall + ?Sized>(
    xen: &H,
    region: PhysdevPciMmcfgReserved,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_PCI_MMCFG_RESERVED, region) }.map(drop)
}

/// Reports the removal of a PCI device.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_pci_device_remove")]
pub fn pci_device_remove<H: Hypercall + ?Sized>(
    xen: &H,
    device: PhysdevPciDevice,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_PCI_DEVICE_REMOVE, device) }.map(drop)
}

/// Reports a reset of the USB controller with Xen's debug port, before or after it; on a bus
/// `PHYSDEVOP_DBGP_BUS_*`.
///
/// # Errors
///
/// See the [module](self); `ENOSYS` if Xen uses no such port.
#[doc(alias = "PHYSDEVOP_dbgp_op")]
pub fn dbgp_op<H: Hypercall + ?Sized>(
    xen: &H,
    done: bool,
    bus: u8,
    device: PhysdevPciDevice,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe {
        op(
            xen,
            PHYSDEVOP_DBGP_OP,
            PhysdevDbgpOp {
                op: if done { PHYSDEVOP_DBGP_RESET_DONE } else { PHYSDEVOP_DBGP_RESET_PREPARE },
                bus,
                pci: device,
            },
        )
    }
    .map(drop)
}

/// Hides the MSI-X table of a device from dom0, before the device is passed to a guest.
///
/// # Errors
///
/// See the [module](self); `EBUSY` while it is in use.
#[doc(alias = "PHYSDEVOP_prepare_msix")]
pub fn prepare_msix<H: Hypercall + ?Sized>(xen: &H, device: PhysdevPciDevice) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_PREPARE_MSIX, device) }.map(drop)
}

/// Returns the MSI-X table to dom0.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_release_msix")]
pub fn release_msix<H: Hypercall + ?Sized>(xen: &H, device: PhysdevPciDevice) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_RELEASE_MSIX, device) }.map(drop)
}

/// Reports a reset of a PCI device, of kind `PCI_DEVICE_RESET_*`.
///
/// # Errors
///
/// See the [module](self); `ENOSYS` if Xen is older than 4.20.
#[doc(alias = "PHYSDEVOP_pci_device_reset")]
pub fn pci_device_reset<H: Hypercall + ?Sized>(
    xen: &H,
    device: PhysdevPciDevice,
    kind: u32,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; no memory of the caller changes.
    unsafe { op(xen, PHYSDEVOP_PCI_DEVICE_RESET, PciDeviceReset { dev: device, flags: kind }) }
        .map(drop)
}

/// Reports a PCI device, with `XEN_PCI_DEV_*` flags, the physical function of a virtual one, and
/// its proximity domain if it has one.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "PHYSDEVOP_pci_device_add")]
pub fn pci_device_add<H: Hypercall + ?Sized>(
    xen: &H,
    device: PhysdevPciDeviceAdd,
    proximity: Option<u32>,
) -> Result<(), Errno> {
    let flags = device.flags & !XEN_PCI_DEV_PXM;
    let flags = flags | if proximity.is_some() { XEN_PCI_DEV_PXM } else { 0 };
    let device = PhysdevPciDeviceAdd { flags, ..device };
    let arg = PciDeviceAdd { device, proximity: proximity.unwrap_or(0) };
    // SAFETY: the command's own structure, with the word that may follow it; no memory of the
    // caller changes.
    unsafe { op(xen, PHYSDEVOP_PCI_DEVICE_ADD, arg) }.map(drop)
}

/// Structure with the word that may follow it.
#[repr(C)]
struct PciDeviceAdd {
    device: PhysdevPciDeviceAdd,
    proximity: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    const OP: usize = HYPERVISOR_PHYSDEV_OP;

    #[test]
    fn each_function_issues_its_operation() {
        let device = PhysdevPciDevice { seg: 1, bus: 2, devfn: 3 };
        let add = PhysdevPciDeviceAdd {
            seg: 1,
            bus: 2,
            devfn: 3,
            flags: XEN_PCI_DEV_EXTFN,
            ..Default::default()
        };
        let ext = PhysdevManagePciExt { bus: 2, is_extfn: 1, ..Default::default() };
        let map = PhysdevMapPirq { domid: DomId(7), pirq: -1, ..Default::default() };
        let region = PhysdevPciMmcfgReserved { address: 9, end_bus: 255, ..Default::default() };
        issues! {
            eoi(5) => OP, [PHYSDEVOP_EOI], 5u32;
            pirq_eoi_gmfn(Gfn(5)) => OP, [PHYSDEVOP_PIRQ_EOI_GMFN_V2], 5u64;
            pirq_eoi_gmfn_v1(Gfn(5)) => OP, [PHYSDEVOP_PIRQ_EOI_GMFN_V1], 5u64;
            irq_status_query(5) => OP, [PHYSDEVOP_IRQ_STATUS_QUERY], [5u32, 0];
            apic_read(9, 5) => OP, [PHYSDEVOP_APIC_READ],
                PhysdevApic { apic_physbase: 9, reg: 5, value: 0 };
            apic_write(9, 5, 6) => OP, [PHYSDEVOP_APIC_WRITE],
                PhysdevApic { apic_physbase: 9, reg: 5, value: 6 };
            alloc_irq_vector(5) => OP, [PHYSDEVOP_ALLOC_IRQ_VECTOR], [5u32, 0];
            map_pirq(map) => OP, [PHYSDEVOP_MAP_PIRQ], map;
            unmap_pirq(DomId(7), 5) => OP, [PHYSDEVOP_UNMAP_PIRQ],
                PhysdevUnmapPirq { domid: DomId(7), pirq: 5, ..Default::default() };
            manage_pci_add(2, 3) => OP, [PHYSDEVOP_MANAGE_PCI_ADD], [2u8, 3];
            manage_pci_remove(2, 3) => OP, [PHYSDEVOP_MANAGE_PCI_REMOVE], [2u8, 3];
            manage_pci_add_ext(ext) => OP, [PHYSDEVOP_MANAGE_PCI_ADD_EXT], ext;
            restore_msi(2, 3) => OP, [PHYSDEVOP_RESTORE_MSI], [2u8, 3];
            restore_msi_ext(device) => OP, [PHYSDEVOP_RESTORE_MSI_EXT], device;
            setup_gsi(9, true, true) => OP, [PHYSDEVOP_SETUP_GSI],
                PhysdevSetupGsi { gsi: 9, triggering: 1, polarity: 1, ..Default::default() };
            get_free_pirq(1) => OP, [PHYSDEVOP_GET_FREE_PIRQ], [1u32, 0];
            pci_mmcfg_reserved(region) => OP, [PHYSDEVOP_PCI_MMCFG_RESERVED], region;
            pci_device_add(add, None) => OP, [PHYSDEVOP_PCI_DEVICE_ADD], add;
            pci_device_remove(device) => OP, [PHYSDEVOP_PCI_DEVICE_REMOVE], device;
            dbgp_op(true, 1, device) => OP, [PHYSDEVOP_DBGP_OP],
                PhysdevDbgpOp { op: 2, bus: 1, pci: device };
            dbgp_op(false, 1, device) => OP, [PHYSDEVOP_DBGP_OP],
                PhysdevDbgpOp { op: 1, bus: 1, pci: device };
            prepare_msix(device) => OP, [PHYSDEVOP_PREPARE_MSIX], device;
            release_msix(device) => OP, [PHYSDEVOP_RELEASE_MSIX], device;
            pci_device_reset(device, 3) => OP, [PHYSDEVOP_PCI_DEVICE_RESET],
                PciDeviceReset { dev: device, flags: 3 };
        }
    }

    #[test]
    fn a_proximity_domain_follows_the_structure() {
        let add = PhysdevPciDeviceAdd { seg: 1, ..Default::default() };
        let with = PhysdevPciDeviceAdd { flags: XEN_PCI_DEV_PXM, ..add };
        let mut expected = [0; 16];
        expected[..12].copy_from_slice(zerocopy::IntoBytes::as_bytes(&with));
        expected[12] = 9;
        issues! { pci_device_add(add, Some(9)) => OP, [PHYSDEVOP_PCI_DEVICE_ADD], expected; }
    }
}
