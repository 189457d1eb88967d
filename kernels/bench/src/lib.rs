#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod block;
pub mod case;
pub mod net;
mod serve;

use xen_front::block::{BlkFrontError, DeviceState, IoError, RequestError};
use xen_front::net::{NetFrontError, ProtocolError, TxError};
use xen_hypercall::OutOfMemory;
use xen_store::StoreError;

/// An error of a measurement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A word of the command line that is no case.
    #[error(
        "found the word {0}, expected case=KIND:KIB:DEPTH:COUNT:WAIT:MEMORY or case=KIND:COUNT"
    )]
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
    /// A device did not reach a state in time.
    #[error("found the device in state {0:?}, expected another one in time")]
    Timeout(DeviceState),
    /// The disk has no event channel any more.
    #[error("the disk was disconnected")]
    Disconnected,
    /// The balloon did not reach its target.
    #[error("found a balloon at {found} pages, expected {expected} in time")]
    Balloon {
        /// Pages at the end.
        found: u64,
        /// Pages of the target.
        expected: u64,
    },
    /// The toolstack requested no suspend.
    #[error("found no request to suspend in time")]
    NoSuspend,
    /// The domain continued as the same one.
    #[error("the suspend was cancelled")]
    Cancelled,
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
    /// The domain has no interface.
    #[error("no interface: the guest's configuration must have one")]
    NoNet,
    /// Dom0's program does not listen.
    #[error("dom0 refused the connection")]
    Refused,
    /// Dom0 gave no answer.
    #[error("found no answer of dom0 in time")]
    NoAnswer,
    /// Dom0 ended the connection.
    #[error("dom0 ended the connection too early")]
    Lost,
    /// The interface.
    #[error("interface: {0}")]
    Net(#[from] NetFrontError),
    /// The interface's rings.
    #[error("interface: {0}")]
    Rings(#[from] ProtocolError),
    /// A refused packet.
    #[error("packet: {0}")]
    Packet(#[from] TxError),
}
