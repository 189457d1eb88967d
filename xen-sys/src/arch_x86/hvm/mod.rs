//! Parts of the ABI for HVM and PVH guests on x86.

pub mod start_info;
