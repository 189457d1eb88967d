//! Identification of the hypervisor by the SMC calling convention.
//!
//! Public header: `arch-arm/smccc.h`.
//!
//! Coverage: 4 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// Major revision of the hypervisor's services.
pub const XEN_SMCCC_MAJOR_REVISION: u32 = 0;
/// Minor revision of the hypervisor's services.
pub const XEN_SMCCC_MINOR_REVISION: u32 = 1;
/// Major revision of the standard services.
pub const SSSC_SMCCC_MAJOR_REVISION: u32 = 0;
/// Minor revision of the standard services.
pub const SSSC_SMCCC_MINOR_REVISION: u32 = 1;

/// UUID of the hypervisor's services: its bytes in the order of its text form.
pub const XEN_SMCCC_UID: [u8; 16] = 0xa71812dc_c698_4369_9acf_79d18ddee667_u128.to_be_bytes();
/// UUID of the standard services: its bytes in the order of its text form.
pub const SSSC_SMCCC_UID: [u8; 16] = 0xf863386f_4b39_4cbd_9220_ce1641e59f6f_u128.to_be_bytes();
