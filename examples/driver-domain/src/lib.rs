#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod config;
mod disks;
mod network;
mod nic;
mod refusals;
mod removals;
mod servers;
mod service;
mod switch;

pub use disks::{Disks, SharedDisk};
pub use service::{LIMITS, Service, Turn};
