#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod demo;
mod disk;
mod driver;
mod faults;
mod guest;
pub mod picture;
pub mod tasks;
mod testbed;
pub mod timeline;
pub mod watch;

pub use disk::SharedDisk;
pub use driver::{ADDRESS, DriverDomain, ECHO_PORT, Offer, Reset, Server};
pub use faults::{Faults, Xen};
pub use guest::run_shell;
pub use testbed::{Setup, Sleep, Testbed};
