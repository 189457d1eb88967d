//! What only HVM and PVH guests have, and what serves them.

pub mod e820;
pub mod hvm_op;
pub mod params;
