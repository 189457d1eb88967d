#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(test)]
extern crate std;

mod access;
mod copy;
mod entry;
mod error;
#[cfg(all(test, loom))]
mod models;
mod refs;
mod shared;
mod table;
mod window;

pub use access::{Access, ReadOnly, ReadWrite};
pub use copy::{CopyBatch, MAX_COPIES};
pub use error::{GrantError, InUse, MapError, MapFailed, ShareError};
pub use shared::{MAX_PAGES, Shared};
pub use table::{GrantTable, MAX_FRAMES, Quarantine};
pub use window::{Mapping, Window};
