//! Names of ABIs, written by a frontend to its node `protocol`.
//!
//! Public header: `io/protocols.h`.
//!
//! Coverage: 3 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// Name of the ABI of 32-bit x86.
pub const XEN_IO_PROTO_ABI_X86_32: &str = "x86_32-abi";
/// Name of the ABI of 64-bit x86.
pub const XEN_IO_PROTO_ABI_X86_64: &str = "x86_64-abi";
/// Name of the ABI of arm, 32-bit and 64-bit.
pub const XEN_IO_PROTO_ABI_ARM: &str = "arm-abi";
