#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(test)]
extern crate std;

mod access;
mod copy;
mod entry;
mod error;
mod frames;
mod grow;
mod link;
mod lock;
#[cfg(test)]
mod memory;
#[cfg(all(test, loom))]
mod models;
mod page_vec;
mod paged_out;
mod passed_on;
mod pool;
mod quarantine;
mod refs;
mod shared;
mod table;
mod version;
mod window;

pub use access::{Access, ReadOnly, ReadWrite};
pub use copy::{CopyBatch, MAX_COPIES};
pub use error::{GrantError, InUse, MapError, MapFailed, ShareError};
pub use passed_on::PassedOn;
pub use pool::Pool;
pub use quarantine::Quarantine;
pub use shared::{MAX_PAGES, Shared};
pub use table::GrantTable;
pub use version::Version;
pub use window::{Mapping, Window};
