//! The clock, the park and the halt of xen-guest under loom. The crate itself depends on drivers
//! that have no models.

#![cfg(all(test, loom))]

#[path = "../../../xen-guest/src/clock/mod.rs"]
pub mod clock;
#[path = "../../../xen-guest/src/interrupts.rs"]
pub mod interrupts;
#[path = "../../../xen-guest/src/models.rs"]
mod models;
#[path = "../../../xen-guest/src/park.rs"]
pub mod park;
#[path = "../../../xen-guest/src/spinlock.rs"]
pub mod spinlock;
