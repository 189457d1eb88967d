//! Names of layouts that a front end writes to its node `protocol`.
//!
//! Public header: `io/protocols.h`.

/// That of 32-bit x86.
pub const XEN_IO_PROTO_ABI_X86_32: &str = "x86_32-abi";
/// That of 64-bit x86.
pub const XEN_IO_PROTO_ABI_X86_64: &str = "x86_64-abi";
/// That of arm, 32-bit and 64-bit.
pub const XEN_IO_PROTO_ABI_ARM: &str = "arm-abi";
