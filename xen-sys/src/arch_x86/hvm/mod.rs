//! What only HVM and PVH guests on x86 have.

pub mod start_info;
