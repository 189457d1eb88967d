//! Parts of the ABI for HVM and PVH guests and for their device models.

pub mod dm_op;
pub mod e820;
pub mod hvm_info_table;
pub mod hvm_op;
pub mod hvm_vcpu;
pub mod hvm_xs_strings;
pub mod ioreq;
pub mod params;
pub mod save;
