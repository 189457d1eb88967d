#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(test)]
extern crate std;

mod access;
mod copy;
mod deferred;
mod dma;
mod entry;
mod error;
mod frame_grants;
mod frames;
mod granted;
mod grow;
mod link;
mod lock;
mod map_area;
mod map_pool;
#[cfg(test)]
mod memory;
#[cfg(all(test, loom))]
mod models;
mod owned_frames;
mod pages_range;
mod persistent;
mod refs;
mod retry_eagain;
mod table;
mod transitive;
mod version;

pub use access::{Access, ReadOnly, ReadWrite};
pub use copy::{CopyBatch, MAX_COPIES};
pub use deferred::DeferredGrants;
pub use dma::DmaBuffer;
pub use error::{GrantError, GrantFailed, InUse, MapError, MapFailed};
pub use frame_grants::{FrameGrants, MAX_FRAMES};
pub use granted::{Granted, MAX_PAGES};
pub use map_area::{GrantMapArea, GrantMapping};
pub use map_pool::{GrantMapPool, MappedPage};
pub use owned_frames::{GrantedFrames, OwnedFrames};
pub use pages_range::PagesRange;
pub use persistent::{PersistentGrants, PersistentPages};
pub use table::GrantTable;
pub use transitive::TransitiveGrant;
pub use version::Version;
