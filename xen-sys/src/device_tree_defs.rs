//! Numbers of the device tree that the toolstack creates for a guest on arm.
//!
//! Public header: `device_tree_defs.h`.
//!
//! Coverage: 13 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// Handle of the interrupt controller.
pub const GUEST_PHANDLE_GIC: u32 = 65000;
/// Handle of the device address translation.
pub const GUEST_PHANDLE_IOMMU: u32 = 65001;
/// Cells of an address.
pub const GUEST_ROOT_ADDRESS_CELLS: u32 = 2;
/// Cells of a size.
pub const GUEST_ROOT_SIZE_CELLS: u32 = 2;
/// Interrupt trigger: unspecified.
pub const DT_IRQ_TYPE_NONE: u32 = 0x0;
/// Interrupt trigger: rising edge.
pub const DT_IRQ_TYPE_EDGE_RISING: u32 = 0x1;
/// Interrupt trigger: falling edge.
pub const DT_IRQ_TYPE_EDGE_FALLING: u32 = 0x2;
/// Interrupt trigger: both edges.
pub const DT_IRQ_TYPE_EDGE_BOTH: u32 = 3;
/// Interrupt trigger: high level.
pub const DT_IRQ_TYPE_LEVEL_HIGH: u32 = 0x4;
/// Interrupt trigger: low level.
pub const DT_IRQ_TYPE_LEVEL_LOW: u32 = 0x8;
/// Mask of the levels.
pub const DT_IRQ_TYPE_LEVEL_MASK: u32 = 12;
/// Mask of edges and levels.
pub const DT_IRQ_TYPE_SENSE_MASK: u32 = 0xf;
/// Interrupt trigger: invalid.
pub const DT_IRQ_TYPE_INVALID: u32 = 0x10;
