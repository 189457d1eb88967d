#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod block;
pub mod case;

use xen_front::block::{BlkFrontError, DeviceState, IoError, RequestError};
use xen_hypercall::OutOfMemory;
use xen_store::StoreError;

/// An error of a measurement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A word of the command line that is no case.
    #[error("found the word {0}, expected case=KIND:KIB:DEPTH:COUNT:WAIT:MEMORY")]
    Word(&'static str),
    /// The domain has no disk.
    #[error("no disk: the guest's configuration must have one")]
    NoDisk,
    /// The disk is smaller than one transfer.
    #[error("found a disk of {found} sectors, expected {expected} or more")]
    SmallDisk {
        /// Sectors of the disk.
        found: u64,
        /// Sectors of a transfer.
        expected: u64,
    },
    /// The backend kept a buffer.
    #[error("the backend kept a buffer")]
    NoBuffer,
    /// The disk did not reach a state in time.
    #[error("found the disk in state {0:?}, expected another one in time")]
    Timeout(DeviceState),
    /// The disk has no event channel any more.
    #[error("the disk was disconnected")]
    Disconnected,
    /// No memory for buffers.
    #[error("buffers: {0}")]
    Memory(#[from] OutOfMemory),
    /// Xenstore.
    #[error("xenstore: {0}")]
    Store(#[from] StoreError),
    /// The disk.
    #[error("disk: {0}")]
    Disk(#[from] BlkFrontError),
    /// A refused request.
    #[error("request: {0}")]
    Request(RequestError),
    /// A failed request.
    #[error("transfer: {0}")]
    Io(#[from] IoError),
}
