//! Physical interrupts and PCI devices, for the hardware domain.
//!
//! Public header: `physdev.h`.
//!
//! Coverage: 48 constants and 20 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::xen::XenPfn;

/// Command: signals the end of an interrupt (EOI). See [`PhysdevEoi`].
#[doc(alias = "PHYSDEVOP_eoi")]
pub const PHYSDEVOP_EOI: u32 = 12;
/// Command: registers a page with one bit per interrupt that needs an EOI; [`PHYSDEVOP_EOI`] then
/// also unmasks the port. See [`PhysdevPirqEoiGmfn`].
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn_v1")]
pub const PHYSDEVOP_PIRQ_EOI_GMFN_V1: u32 = 17;
/// Command: registers the same page without a change of [`PHYSDEVOP_EOI`]. See
/// [`PhysdevPirqEoiGmfn`].
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn_v2")]
pub const PHYSDEVOP_PIRQ_EOI_GMFN_V2: u32 = 28;
/// Command: [`PHYSDEVOP_PIRQ_EOI_GMFN_V2`], the newer of the two forms.
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn")]
pub const PHYSDEVOP_PIRQ_EOI_GMFN: u32 = 28;
/// Command: gets the properties of an interrupt. See [`PhysdevIrqStatusQuery`].
#[doc(alias = "PHYSDEVOP_irq_status_query")]
pub const PHYSDEVOP_IRQ_STATUS_QUERY: u32 = 5;
/// Flag of [`PhysdevIrqStatusQuery`]: the interrupt needs [`PHYSDEVOP_EOI`].
#[doc(alias = "XENIRQSTAT_needs_eoi")]
pub const XENIRQSTAT_NEEDS_EOI: u32 = 1 << 0;
/// Flag of [`PhysdevIrqStatusQuery`]: several domains share the interrupt.
#[doc(alias = "XENIRQSTAT_shared")]
pub const XENIRQSTAT_SHARED: u32 = 1 << 1;
/// Command: sets the I/O privilege level (PV only). See [`PhysdevSetIopl`].
#[doc(alias = "PHYSDEVOP_set_iopl")]
pub const PHYSDEVOP_SET_IOPL: u32 = 6;
/// Command: sets the bitmap of I/O ports (PV only). See [`PhysdevSetIobitmap`].
#[doc(alias = "PHYSDEVOP_set_iobitmap")]
pub const PHYSDEVOP_SET_IOBITMAP: u32 = 7;
/// Command: reads a register of an I/O APIC. See [`PhysdevApic`].
#[doc(alias = "PHYSDEVOP_apic_read")]
pub const PHYSDEVOP_APIC_READ: u32 = 8;
/// Command: writes a register of an I/O APIC. See [`PhysdevApic`].
#[doc(alias = "PHYSDEVOP_apic_write")]
pub const PHYSDEVOP_APIC_WRITE: u32 = 9;
/// Command: allocates a vector. See [`PhysdevIrq`].
#[doc(alias = "PHYSDEVOP_alloc_irq_vector")]
pub const PHYSDEVOP_ALLOC_IRQ_VECTOR: u32 = 10;
/// Command: frees a vector. See [`PhysdevIrq`].
#[doc(alias = "PHYSDEVOP_free_irq_vector")]
pub const PHYSDEVOP_FREE_IRQ_VECTOR: u32 = 11;
/// Command: maps an interrupt of a device to a physical interrupt number. See [`PhysdevMapPirq`].
#[doc(alias = "PHYSDEVOP_map_pirq")]
pub const PHYSDEVOP_MAP_PIRQ: u32 = 13;
/// Command: removes the mapping of a physical interrupt number. See [`PhysdevUnmapPirq`].
#[doc(alias = "PHYSDEVOP_unmap_pirq")]
pub const PHYSDEVOP_UNMAP_PIRQ: u32 = 14;
/// Command: reports a PCI device, in the old form. See [`PhysdevManagePci`].
#[doc(alias = "PHYSDEVOP_manage_pci_add")]
pub const PHYSDEVOP_MANAGE_PCI_ADD: u32 = 15;
/// Command: reports the removal of a PCI device, in the old form. See [`PhysdevManagePci`].
#[doc(alias = "PHYSDEVOP_manage_pci_remove")]
pub const PHYSDEVOP_MANAGE_PCI_REMOVE: u32 = 16;
/// Command: restores MSIs after sleep, in the old form. See [`PhysdevRestoreMsi`].
#[doc(alias = "PHYSDEVOP_restore_msi")]
pub const PHYSDEVOP_RESTORE_MSI: u32 = 19;
/// Command: reports a PCI function, in an old form. See [`PhysdevManagePciExt`].
#[doc(alias = "PHYSDEVOP_manage_pci_add_ext")]
pub const PHYSDEVOP_MANAGE_PCI_ADD_EXT: u32 = 20;
/// Command: sets trigger and polarity of a line. See [`PhysdevSetupGsi`].
#[doc(alias = "PHYSDEVOP_setup_gsi")]
pub const PHYSDEVOP_SETUP_GSI: u32 = 21;
/// Command: allocates a physical interrupt number. See [`PhysdevGetFreePirq`].
#[doc(alias = "PHYSDEVOP_get_free_pirq")]
pub const PHYSDEVOP_GET_FREE_PIRQ: u32 = 23;
/// Command: reports memory-mapped configuration space. See [`PhysdevPciMmcfgReserved`].
#[doc(alias = "PHYSDEVOP_pci_mmcfg_reserved")]
pub const PHYSDEVOP_PCI_MMCFG_RESERVED: u32 = 24;
/// Command: reports a PCI device. See [`PhysdevPciDeviceAdd`].
#[doc(alias = "PHYSDEVOP_pci_device_add")]
pub const PHYSDEVOP_PCI_DEVICE_ADD: u32 = 25;
/// Command: reports the removal of a PCI device. See [`PhysdevPciDevice`].
#[doc(alias = "PHYSDEVOP_pci_device_remove")]
pub const PHYSDEVOP_PCI_DEVICE_REMOVE: u32 = 26;
/// Command: restores MSIs after sleep. See [`PhysdevPciDevice`].
#[doc(alias = "PHYSDEVOP_restore_msi_ext")]
pub const PHYSDEVOP_RESTORE_MSI_EXT: u32 = 27;
/// Command: reports a reset of the debug port. See [`PhysdevDbgpOp`].
#[doc(alias = "PHYSDEVOP_dbgp_op")]
pub const PHYSDEVOP_DBGP_OP: u32 = 29;
/// Command: reserves a device's MSI-X table for another domain. See [`PhysdevPciDevice`].
#[doc(alias = "PHYSDEVOP_prepare_msix")]
pub const PHYSDEVOP_PREPARE_MSIX: u32 = 30;
/// Command: releases the MSI-X table of a device. See [`PhysdevPciDevice`].
#[doc(alias = "PHYSDEVOP_release_msix")]
pub const PHYSDEVOP_RELEASE_MSIX: u32 = 31;
/// Command: reports the reset of a PCI device (Xen 4.20). See [`PciDeviceReset`].
#[doc(alias = "PHYSDEVOP_pci_device_reset")]
pub const PHYSDEVOP_PCI_DEVICE_RESET: u32 = 32;
/// Command: signals the end of an interrupt, in the oldest form.
pub const PHYSDEVOP_IRQ_UNMASK_NOTIFY: u32 = 4;

/// Kind of interrupt: MSI or MSI-X in PCI segment 0.
pub const MAP_PIRQ_TYPE_MSI: i32 = 0x0;
/// Kind of interrupt: interrupt line (GSI).
pub const MAP_PIRQ_TYPE_GSI: i32 = 0x1;
/// Kind of interrupt: unknown.
pub const MAP_PIRQ_TYPE_UNKNOWN: i32 = 0x2;
/// Kind of interrupt: MSI or MSI-X in any PCI segment.
pub const MAP_PIRQ_TYPE_MSI_SEG: i32 = 0x3;
/// Kind of interrupt: several MSIs.
pub const MAP_PIRQ_TYPE_MULTI_MSI: i32 = 0x4;

/// Flag of [`PhysdevPciMmcfgReserved`]: the firmware reserves the memory.
pub const XEN_PCI_MMCFG_RESERVED: u32 = 0x1;
/// Flag of [`PhysdevPciDeviceAdd`]: an extended function.
pub const XEN_PCI_DEV_EXTFN: u32 = 0x1;
/// Flag of [`PhysdevPciDeviceAdd`]: a virtual function.
pub const XEN_PCI_DEV_VIRTFN: u32 = 0x2;
/// Flag of [`PhysdevPciDeviceAdd`]: a proximity domain follows.
pub const XEN_PCI_DEV_PXM: u32 = 0x4;
/// Flag of [`PciDeviceReset`]: cold reset.
pub const PCI_DEVICE_RESET_COLD: u32 = 0;
/// Flag of [`PciDeviceReset`]: warm reset.
pub const PCI_DEVICE_RESET_WARM: u32 = 1;
/// Flag of [`PciDeviceReset`]: hot reset.
pub const PCI_DEVICE_RESET_HOT: u32 = 2;
/// Flag of [`PciDeviceReset`]: function-level reset.
pub const PCI_DEVICE_RESET_FLR: u32 = 3;
/// Mask of the kind of reset.
pub const PCI_DEVICE_RESET_MASK: u32 = 3;

/// Operation of [`PhysdevDbgpOp`]: before the reset.
pub const PHYSDEVOP_DBGP_RESET_PREPARE: u8 = 1;
/// Operation of [`PhysdevDbgpOp`]: after the reset.
pub const PHYSDEVOP_DBGP_RESET_DONE: u8 = 2;
/// Bus of [`PhysdevDbgpOp`]: unknown.
pub const PHYSDEVOP_DBGP_BUS_UNKNOWN: u8 = 0;
/// Bus of [`PhysdevDbgpOp`]: PCI.
pub const PHYSDEVOP_DBGP_BUS_PCI: u8 = 1;

/// Argument of [`PHYSDEVOP_EOI`].
#[doc(alias = "physdev_eoi")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevEoi {
    /// The interrupt.
    pub irq: u32,
}
const _: () = assert!(size_of::<PhysdevEoi>() == 4);

/// Argument of [`PHYSDEVOP_PIRQ_EOI_GMFN`].
#[doc(alias = "physdev_pirq_eoi_gmfn")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevPirqEoiGmfn {
    /// Frame of the page.
    pub gmfn: XenPfn,
}
const _: () = assert!(size_of::<PhysdevPirqEoiGmfn>() == 8);

/// Argument of [`PHYSDEVOP_IRQ_STATUS_QUERY`].
#[doc(alias = "physdev_irq_status_query")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevIrqStatusQuery {
    /// The interrupt.
    pub irq: u32,
    /// Out: `XENIRQSTAT_*`.
    pub flags: u32,
}
const _: () = assert!(size_of::<PhysdevIrqStatusQuery>() == 8);

/// Argument of [`PHYSDEVOP_SET_IOPL`].
#[doc(alias = "physdev_set_iopl")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevSetIopl {
    /// The level, 0 to 3.
    pub iopl: u32,
}
const _: () = assert!(size_of::<PhysdevSetIopl>() == 4);

/// Argument of [`PHYSDEVOP_SET_IOBITMAP`].
#[doc(alias = "physdev_set_iobitmap")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevSetIobitmap {
    /// One bit per port.
    pub bitmap: GuestHandle,
    /// Length of the bitmap in bits.
    pub nr_ports: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<PhysdevSetIobitmap>() == 16);

/// Argument of [`PHYSDEVOP_APIC_READ`] and [`PHYSDEVOP_APIC_WRITE`].
#[doc(alias = "physdev_apic")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevApic {
    /// Physical address of the I/O APIC.
    pub apic_physbase: u64,
    /// Register.
    pub reg: u32,
    /// Value read, or value to write.
    pub value: u32,
}
const _: () = assert!(size_of::<PhysdevApic>() == 16);

/// Argument of [`PHYSDEVOP_ALLOC_IRQ_VECTOR`] and [`PHYSDEVOP_FREE_IRQ_VECTOR`].
#[doc(alias = "physdev_irq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevIrq {
    /// The interrupt.
    pub irq: u32,
    /// The vector.
    pub vector: u32,
}
const _: () = assert!(size_of::<PhysdevIrq>() == 8);

/// Argument of [`PHYSDEVOP_MAP_PIRQ`].
#[doc(alias = "physdev_map_pirq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevMapPirq {
    /// The domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// `MAP_PIRQ_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: i32,
    /// Number of the interrupt line, for [`MAP_PIRQ_TYPE_GSI`].
    pub index: i32,
    /// In: requested number, or -1 for any. Out: the number.
    pub pirq: i32,
    /// PCI bus; the segment in bits 16 to 31 for [`MAP_PIRQ_TYPE_MSI_SEG`].
    pub bus: i32,
    /// PCI device and function.
    pub devfn: i32,
    /// Entry of the MSI-X table, or number of MSIs.
    pub entry_nr: i32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
    /// Physical address of the MSI-X table.
    pub table_base: u64,
}
const _: () = assert!(size_of::<PhysdevMapPirq>() == 40);

/// Argument of [`PHYSDEVOP_UNMAP_PIRQ`].
#[doc(alias = "physdev_unmap_pirq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevUnmapPirq {
    /// The domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// The physical interrupt.
    pub pirq: i32,
}
const _: () = assert!(size_of::<PhysdevUnmapPirq>() == 8);

/// Argument of [`PHYSDEVOP_MANAGE_PCI_ADD`] and [`PHYSDEVOP_MANAGE_PCI_REMOVE`].
#[doc(alias = "physdev_manage_pci")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevManagePci {
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
}
const _: () = assert!(size_of::<PhysdevManagePci>() == 2);

/// Argument of [`PHYSDEVOP_RESTORE_MSI`].
#[doc(alias = "physdev_restore_msi")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevRestoreMsi {
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
}
const _: () = assert!(size_of::<PhysdevRestoreMsi>() == 2);

/// Argument of [`PHYSDEVOP_MANAGE_PCI_ADD_EXT`].
#[doc(alias = "physdev_manage_pci_ext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevManagePciExt {
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Extended function: non-zero if the function is one.
    pub is_extfn: u32,
    /// Virtual function: non-zero if the function is one.
    pub is_virtfn: u32,
    /// Bus of the physical function.
    #[doc(alias = "physfn.bus")]
    pub physfn_bus: u8,
    /// Device and function of the physical function.
    #[doc(alias = "physfn.devfn")]
    pub physfn_devfn: u8,
    /// Padding; zero.
    pub _pad1: [u8; 2],
}
const _: () = assert!(size_of::<PhysdevManagePciExt>() == 16);

/// Argument of [`crate::xen::HYPERVISOR_PHYSDEV_OP_COMPAT`]: a command and space for its argument.
#[doc(alias = "physdev_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevOp {
    /// The command.
    pub cmd: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// The command's argument.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<PhysdevOp>() == 24);

/// Argument of [`PHYSDEVOP_SETUP_GSI`].
#[doc(alias = "physdev_setup_gsi")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevSetupGsi {
    /// The line.
    pub gsi: i32,
    /// Trigger: 0 edge, 1 level.
    pub triggering: u8,
    /// Polarity: 0 active high, 1 active low.
    pub polarity: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<PhysdevSetupGsi>() == 8);

/// Argument of [`PHYSDEVOP_GET_FREE_PIRQ`].
#[doc(alias = "physdev_get_free_pirq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevGetFreePirq {
    /// `MAP_PIRQ_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: i32,
    /// Out: the number.
    pub pirq: u32,
}
const _: () = assert!(size_of::<PhysdevGetFreePirq>() == 8);

/// Argument of [`PHYSDEVOP_PCI_MMCFG_RESERVED`].
#[doc(alias = "physdev_pci_mmcfg_reserved")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevPciMmcfgReserved {
    /// Physical address.
    pub address: u64,
    /// PCI segment.
    pub segment: u16,
    /// First bus.
    pub start_bus: u8,
    /// Last bus.
    pub end_bus: u8,
    /// [`XEN_PCI_MMCFG_RESERVED`] or zero.
    pub flags: u32,
}
const _: () = assert!(size_of::<PhysdevPciMmcfgReserved>() == 16);

/// Argument of [`PHYSDEVOP_PCI_DEVICE_ADD`]. With [`XEN_PCI_DEV_PXM`] a `u32` follows: the
/// proximity domain.
#[doc(alias = "physdev_pci_device_add")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevPciDeviceAdd {
    /// PCI segment.
    pub seg: u16,
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
    /// `XEN_PCI_DEV_*`.
    pub flags: u32,
    /// Bus of the physical function.
    #[doc(alias = "physfn.bus")]
    pub physfn_bus: u8,
    /// Device and function of the physical function.
    #[doc(alias = "physfn.devfn")]
    pub physfn_devfn: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<PhysdevPciDeviceAdd>() == 12);

/// Argument of the operations on a PCI device.
#[doc(alias = "physdev_pci_device")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevPciDevice {
    /// PCI segment.
    pub seg: u16,
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
}
const _: () = assert!(size_of::<PhysdevPciDevice>() == 4);

/// Argument of [`PHYSDEVOP_DBGP_OP`].
#[doc(alias = "physdev_dbgp_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PhysdevDbgpOp {
    /// `PHYSDEVOP_DBGP_RESET_*`.
    pub op: u8,
    /// `PHYSDEVOP_DBGP_BUS_*`.
    pub bus: u8,
    /// The PCI device.
    #[doc(alias = "u.pci")]
    pub pci: PhysdevPciDevice,
}
const _: () = assert!(size_of::<PhysdevDbgpOp>() == 6);

/// Argument of [`PHYSDEVOP_PCI_DEVICE_RESET`].
#[doc(alias = "pci_device_reset")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PciDeviceReset {
    /// The device.
    pub dev: PhysdevPciDevice,
    /// `PCI_DEVICE_RESET_*`.
    pub flags: u32,
}
const _: () = assert!(size_of::<PciDeviceReset>() == 8);
