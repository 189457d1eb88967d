//! Devices of a domain: interrupts, ports, memory of devices, assignment.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::Port;

/// Flag of [`XenDomctlGsiPermission`]: revoke access.
pub const XEN_DOMCTL_GSI_REVOKE: u32 = 0;
/// Flag of [`XenDomctlGsiPermission`]: grant access.
pub const XEN_DOMCTL_GSI_GRANT: u32 = 1;
/// Mask of these flags.
pub const XEN_DOMCTL_GSI_ACTION_MASK: u32 = 1;
/// Kind of device: PCI.
pub const XEN_DOMCTL_DEV_PCI: u32 = 0;
/// Kind of device: a node of the device tree.
pub const XEN_DOMCTL_DEV_DT: u32 = 1;
/// Flag of [`XenDomctlAssignDevice`]: reserved memory may be missing.
pub const XEN_DOMCTL_DEV_RDM_RELAXED: u32 = 1;
/// Kind of interrupt: PCI pin.
pub const PT_IRQ_TYPE_PCI: u32 = 0;
/// Kind of interrupt: ISA.
pub const PT_IRQ_TYPE_ISA: u32 = 1;
/// Kind of interrupt: MSI.
pub const PT_IRQ_TYPE_MSI: u32 = 2;
/// Kind of interrupt: MSI of the host as a pin of the guest.
pub const PT_IRQ_TYPE_MSI_TRANSLATE: u32 = 3;
/// Kind of interrupt: shared peripheral interrupt (arm).
pub const PT_IRQ_TYPE_SPI: u32 = 4;
/// Field of a message's flags: destination.
pub const XEN_DOMCTL_VMSI_X86_DEST_ID_MASK: u32 = 0xff;
/// Field of a message's flags: redirection hint.
pub const XEN_DOMCTL_VMSI_X86_RH_MASK: u32 = 0x100;
/// Field of a message's flags: destination mode.
pub const XEN_DOMCTL_VMSI_X86_DM_MASK: u32 = 0x200;
/// Field of a message's flags: delivery mode.
pub const XEN_DOMCTL_VMSI_X86_DELIV_MASK: u32 = 0x7000;
/// Field of a message's flags: trigger.
pub const XEN_DOMCTL_VMSI_X86_TRIG_MASK: u32 = 0x8000;
/// Field of a message's flags: not masked.
pub const XEN_DOMCTL_VMSI_X86_UNMASKED: u32 = 0x10000;
/// Value of [`XenDomctlMemoryMapping::add_mapping`]: add.
pub const DPCI_ADD_MAPPING: u32 = 1;
/// Value of [`XenDomctlMemoryMapping::add_mapping`]: remove.
pub const DPCI_REMOVE_MAPPING: u32 = 0;
/// Cache attribute: uncached.
pub const XEN_DOMCTL_MEM_CACHEATTR_UC: u32 = 0;
/// Cache attribute: write-combining.
pub const XEN_DOMCTL_MEM_CACHEATTR_WC: u32 = 1;
/// Cache attribute: write-through.
pub const XEN_DOMCTL_MEM_CACHEATTR_WT: u32 = 4;
/// Cache attribute: write-protected.
pub const XEN_DOMCTL_MEM_CACHEATTR_WP: u32 = 5;
/// Cache attribute: write-back.
pub const XEN_DOMCTL_MEM_CACHEATTR_WB: u32 = 6;
/// Cache attribute: uncached, unless the memory type range registers override it.
pub const XEN_DOMCTL_MEM_CACHEATTR_UCM: u32 = 7;
/// Value instead of a cache attribute: removes the pinned attribute.
pub const XEN_DOMCTL_DELETE_MEM_CACHEATTR: u32 = 4294967295;
/// Operation of [`XenDomctlVuartOp`]: set up.
pub const XEN_DOMCTL_VUART_OP_INIT: u32 = 0;
/// Kind of serial port: PL011.
pub const XEN_DOMCTL_VUART_TYPE_VPL011: u32 = 0;

/// Permission for an interrupt.
#[doc(alias = "xen_domctl_irq_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIrqPermission {
    /// The physical interrupt.
    pub pirq: u32,
    /// Permission: 1 to grant access, 0 to revoke it.
    pub allow_access: u8,
    /// Reserved; zero.
    pub pad: [u8; 3],
}
const _: () = assert!(size_of::<XenDomctlIrqPermission>() == 8);

/// Permission for an interrupt line (GSI).
#[doc(alias = "xen_domctl_gsi_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGsiPermission {
    /// The line.
    pub gsi: u32,
    /// `XEN_DOMCTL_GSI_*`.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenDomctlGsiPermission>() == 8);

/// Permission for device memory.
#[doc(alias = "xen_domctl_iomem_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIomemPermission {
    /// First machine frame.
    pub first_mfn: u64,
    /// Number of frames.
    pub nr_mfns: u64,
    /// Permission: 1 to grant access, 0 to revoke it.
    pub allow_access: u8,
    /// Padding; zero.
    pub _pad0: [u8; 7],
}
const _: () = assert!(size_of::<XenDomctlIomemPermission>() == 24);

/// Permission for I/O ports.
#[doc(alias = "xen_domctl_ioport_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIoportPermission {
    /// First one.
    pub first_port: u32,
    /// Number of I/O ports.
    pub nr_ports: u32,
    /// Permission: 1 to grant access, 0 to revoke it.
    pub allow_access: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
}
const _: () = assert!(size_of::<XenDomctlIoportPermission>() == 12);

/// Devices that must be assigned together.
#[doc(alias = "xen_domctl_get_device_group")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetDeviceGroup {
    /// PCI segment, bus, device and function.
    pub machine_sbdf: u32,
    /// Capacity of the array, in entries.
    pub max_sdevs: u32,
    /// Out: number of devices.
    pub num_sdevs: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of `u32`.
    pub sdev_array: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlGetDeviceGroup>() == 24);

/// Assignment of a device.
#[doc(alias = "xen_domctl_assign_device")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlAssignDevice {
    /// `XEN_DOMCTL_DEV_*`.
    pub dev: u32,
    /// [`XEN_DOMCTL_DEV_RDM_RELAXED`] or zero.
    pub flags: u32,
    /// PCI: segment, bus, device and function, in the low half. Device tree: length and address of
    /// the path.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenDomctlAssignDevice>() == 24);

/// Binding of a device's interrupt to a guest's.
#[doc(alias = "xen_domctl_bind_pt_irq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlBindPtIrq {
    /// The interrupt.
    pub machine_irq: u32,
    /// `PT_IRQ_TYPE_*`.
    pub irq_type: u32,
    /// The guest's interrupt, by kind.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenDomctlBindPtIrq>() == 24);

/// Mapping of device memory into a guest.
#[doc(alias = "xen_domctl_memory_mapping")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMemoryMapping {
    /// First guest frame.
    pub first_gfn: u64,
    /// First machine frame.
    pub first_mfn: u64,
    /// Number of frames.
    pub nr_mfns: u64,
    /// [`DPCI_ADD_MAPPING`] or [`DPCI_REMOVE_MAPPING`].
    pub add_mapping: u32,
    /// Zero.
    pub padding: u32,
}
const _: () = assert!(size_of::<XenDomctlMemoryMapping>() == 32);

/// Mapping of I/O ports into a guest.
#[doc(alias = "xen_domctl_ioport_mapping")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIoportMapping {
    /// First port in the guest.
    pub first_gport: u32,
    /// First port of the machine.
    pub first_mport: u32,
    /// Number of I/O ports.
    pub nr_ports: u32,
    /// [`DPCI_ADD_MAPPING`] or [`DPCI_REMOVE_MAPPING`].
    pub add_mapping: u32,
}
const _: () = assert!(size_of::<XenDomctlIoportMapping>() == 16);

/// Set-up of an emulated serial port.
#[doc(alias = "xen_domctl_vuart_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVuartOp {
    /// [`XEN_DOMCTL_VUART_OP_INIT`].
    pub cmd: u32,
    /// [`XEN_DOMCTL_VUART_TYPE_VPL011`].
    #[doc(alias = "type")]
    pub type_: u32,
    /// The guest frame.
    pub gfn: u64,
    /// The domain of the console.
    pub console_domid: DomId,
    /// Reserved; zero.
    pub pad: [u8; 2],
    /// Out: the event channel port.
    pub evtchn: Port,
}
const _: () = assert!(size_of::<XenDomctlVuartOp>() == 24);
