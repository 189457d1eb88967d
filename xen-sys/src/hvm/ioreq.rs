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
/// State: a request waits.
pub const STATE_IOREQ_READY: u8 = 1;
/// State: the device model works on it.
pub const STATE_IOREQ_INPROCESS: u8 = 2;
/// State: the answer waits.
pub const STATE_IORESP_READY: u8 = 3;
/// Kind: I/O port.
pub const IOREQ_TYPE_PIO: u8 = 0;
/// Kind: memory.
pub const IOREQ_TYPE_COPY: u8 = 1;
/// Kind: PCI configuration space.
pub const IOREQ_TYPE_PCI_CONFIG: u8 = 2;
/// Kind: the guest has set its clock.
pub const IOREQ_TYPE_TIMEOFFSET: u8 = 7;
/// Kind: drop cached mappings.
pub const IOREQ_TYPE_INVALIDATE: u8 = 8;

/// A request.
#[doc(alias = "ioreq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Ioreq {
    /// Physical address, or port.
    pub addr: u64,
    /// The data, or the physical address of it.
    pub data: u64,
    /// How often, for repeated accesses.
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
    /// How far the device model has read; runs freely.
    pub read_pointer: u32,
    /// How far Xen has written; runs freely.
    pub write_pointer: u32,
    /// The slots.
    pub buf_ioreq: [BufIoreq; 511],
}
const _: () = assert!(size_of::<BufferedIopage>() == 4096);

/// I/O port of the ACPI timer, old place.
pub const ACPI_PM_TMR_BLK_ADDRESS_V0: u32 = 0x1f48;
/// I/O port of the ACPI events, old place.
pub const ACPI_PM1A_EVT_BLK_ADDRESS_V0: u32 = 0x1f40;
/// I/O port of the ACPI control, old place.
pub const ACPI_PM1A_CNT_BLK_ADDRESS_V0: u32 = 0x1f44;
/// I/O port of the general purpose events, old place.
pub const ACPI_GPE0_BLK_ADDRESS_V0: u32 = 0x1f68;
/// Length of the general purpose event block, old place.
pub const ACPI_GPE0_BLK_LEN_V0: u32 = 0x8;
/// I/O port of the ACPI events, new place.
pub const ACPI_PM1A_EVT_BLK_ADDRESS_V1: u32 = 0xb000;
/// I/O port of the ACPI control, new place.
pub const ACPI_PM1A_CNT_BLK_ADDRESS_V1: u32 = 0xb004;
/// I/O port of the ACPI timer, new place.
pub const ACPI_PM_TMR_BLK_ADDRESS_V1: u32 = 0xb008;
/// I/O port of the general purpose events, new place.
pub const ACPI_GPE0_BLK_ADDRESS_V1: u32 = 0xafe0;
/// Length of the general purpose event block, new place.
pub const ACPI_GPE0_BLK_LEN_V1: u32 = 0x4;
/// I/O port of the ACPI events, where nothing else is said.
pub const ACPI_PM1A_EVT_BLK_ADDRESS: u32 = 8000;
/// I/O port of the ACPI control, where nothing else is said.
pub const ACPI_PM1A_CNT_BLK_ADDRESS: u32 = 8004;
/// I/O port of the ACPI timer, where nothing else is said.
pub const ACPI_PM_TMR_BLK_ADDRESS: u32 = 8008;
/// I/O port of the general purpose events, where nothing else is said.
pub const ACPI_GPE0_BLK_ADDRESS: u32 = 8040;
/// Length of the general purpose event block, where nothing else is said.
pub const ACPI_GPE0_BLK_LEN: u32 = 8;
