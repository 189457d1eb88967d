//! Requests to a device model, one per vCPU, and the ring of buffered ones.
//!
//! Public header: `hvm/ioreq.h`.
//!
//! Coverage: 27 constants and 4 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Direction: the guest reads.
pub const IOREQ_READ: u8 = 1;
/// Direction: the guest writes.
pub const IOREQ_WRITE: u8 = 0;
/// State: no request.
pub const STATE_IOREQ_NONE: u8 = 0;
/// State: request ready.
pub const STATE_IOREQ_READY: u8 = 1;
/// State: request in progress in the device model.
pub const STATE_IOREQ_INPROCESS: u8 = 2;
/// State: response ready.
pub const STATE_IORESP_READY: u8 = 3;
/// Kind: I/O port.
pub const IOREQ_TYPE_PIO: u8 = 0;
/// Kind: memory.
pub const IOREQ_TYPE_COPY: u8 = 1;
/// Kind: PCI configuration space.
pub const IOREQ_TYPE_PCI_CONFIG: u8 = 2;
/// Kind: time offset; the guest has set its clock.
pub const IOREQ_TYPE_TIMEOFFSET: u8 = 7;
/// Kind: invalidation of cached mappings.
pub const IOREQ_TYPE_INVALIDATE: u8 = 8;

/// A request.
#[doc(alias = "ioreq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Ioreq {
    /// Physical address, or I/O port.
    pub addr: u64,
    /// The data, or its physical address.
    pub data: u64,
    /// Number of repetitions of a repeated access.
    pub count: u32,
    /// Bytes per access.
    pub size: u32,
    /// Port of the vCPU.
    pub vp_eport: u32,
    /// Unused.
    pub _pad0: u16,
    /// State in bits 0 to 3; bit 4: data is an address; bit 5: direction; bit 6: repeated accesses
    /// go downward.
    pub state_and_flags: u8,
    /// `IOREQ_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: u8,
}
const _: () = assert!(size_of::<Ioreq>() == 32);

/// The page of requests; there is one [`Ioreq`] for each vCPU.
#[doc(alias = "shared_iopage")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SharedIopage {
    /// The first one.
    pub vcpu_ioreq: [Ioreq; 1],
}
const _: () = assert!(size_of::<SharedIopage>() == 32);

/// A buffered request.
#[doc(alias = "buf_ioreq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BufIoreq {
    /// `IOREQ_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: u8,
    /// From bit 0: one unused, one direction, two size (as a power of two), twenty address.
    pub bits: [u8; 3],
    /// The data.
    pub data: u32,
}
const _: () = assert!(size_of::<BufIoreq>() == 8);

/// Slots in the ring of buffered requests.
pub const IOREQ_BUFFER_SLOT_NUM: usize = 511;

/// The page of buffered requests.
#[doc(alias = "buffered_iopage")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BufferedIopage {
    /// Read pointer of the device model; free-running.
    pub read_pointer: u32,
    /// Write pointer of Xen; free-running.
    pub write_pointer: u32,
    /// The slots.
    pub buf_ioreq: [BufIoreq; 511],
}
const _: () = assert!(size_of::<BufferedIopage>() == 4096);

/// I/O port of the ACPI timer, version 0.
pub const ACPI_PM_TMR_BLK_ADDRESS_V0: u32 = 0x1f48;
/// I/O port of the ACPI events, version 0.
pub const ACPI_PM1A_EVT_BLK_ADDRESS_V0: u32 = 0x1f40;
/// I/O port of the ACPI control, version 0.
pub const ACPI_PM1A_CNT_BLK_ADDRESS_V0: u32 = 0x1f44;
/// I/O port of the general purpose events, version 0.
pub const ACPI_GPE0_BLK_ADDRESS_V0: u32 = 0x1f68;
/// Length of the general purpose event block, version 0.
pub const ACPI_GPE0_BLK_LEN_V0: u32 = 0x8;
/// I/O port of the ACPI events, version 1.
pub const ACPI_PM1A_EVT_BLK_ADDRESS_V1: u32 = 0xb000;
/// I/O port of the ACPI control, version 1.
pub const ACPI_PM1A_CNT_BLK_ADDRESS_V1: u32 = 0xb004;
/// I/O port of the ACPI timer, version 1.
pub const ACPI_PM_TMR_BLK_ADDRESS_V1: u32 = 0xb008;
/// I/O port of the general purpose events, version 1.
pub const ACPI_GPE0_BLK_ADDRESS_V1: u32 = 0xafe0;
/// Length of the general purpose event block, version 1.
pub const ACPI_GPE0_BLK_LEN_V1: u32 = 0x4;
/// I/O port of the ACPI events, version 0 under its old name.
pub const ACPI_PM1A_EVT_BLK_ADDRESS: u32 = 8000;
/// I/O port of the ACPI control, version 0 under its old name.
pub const ACPI_PM1A_CNT_BLK_ADDRESS: u32 = 8004;
/// I/O port of the ACPI timer, version 0 under its old name.
pub const ACPI_PM_TMR_BLK_ADDRESS: u32 = 8008;
/// I/O port of the general purpose events, version 0 under its old name.
pub const ACPI_GPE0_BLK_ADDRESS: u32 = 8040;
/// Length of the general purpose event block, version 0 under its old name.
pub const ACPI_GPE0_BLK_LEN: u32 = 8;
