#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(test)]
extern crate std;

mod access;
mod error;
mod refs;
mod shared;
mod table;

pub use access::{Access, ReadOnly, ReadWrite};
pub use error::{GrantError, InUse, ShareError};
pub use shared::{MAX_PAGES, Shared};
pub use table::{GrantTable, MAX_FRAMES, Quarantine};
