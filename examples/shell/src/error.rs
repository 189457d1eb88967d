//! Errors of commands: one line each.

use crate::command::ParseError;
use crate::net;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use xen_front::block::{BlkFrontError, DumpError, TransferError, VbdNumber};
use xen_front::net::{DeviceState, Vif};
use xen_guest::SuspendError;
use xen_guest::wall_clock::WallClockError;
use xen_hypercall::Errno;
use xen_store::StoreError;

/// Error of a command.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The line is no command.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The terminal took no more text.
    #[error("the console takes no more text")]
    Output,
    /// Xen refused a hypercall.
    #[error("{call}: Xen refused: {errno}")]
    Xen {
        /// Which.
        call: &'static str,
        /// Its answer.
        errno: Errno,
    },
    /// No xenstore.
    #[error("there is no xenstore, expected its ring from the toolstack")]
    NoXenstore,
    /// No grant table.
    #[error("there is no grant table, expected Xen to give one")]
    NoGrants,
    /// No balloon.
    #[error("there is no balloon, expected xenstore to have the memory's target")]
    NoBalloon,
    /// Xenstore refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An unknown device.
    #[error("no {kind} '{found}'{}", expected_names(.expected))]
    NoDevice {
        /// Its kind.
        kind: &'static str,
        /// The name that was given.
        found: String,
        /// The names that there are.
        expected: String,
    },
    /// A disk can't be used.
    #[error("{disk}: {error}")]
    Disk {
        /// Which.
        disk: VbdNumber,
        /// Cause.
        error: BlkFrontError,
    },
    /// A part of a disk ends behind the disk.
    #[error("{disk}: found bytes {offset}+{len}, expected an end of at most {size}")]
    OutOfRange {
        /// Which disk.
        disk: VbdNumber,
        /// The first byte that was asked for.
        offset: u64,
        /// The number of bytes.
        len: u64,
        /// The bytes that the disk has.
        size: u64,
    },
    /// A transfer failed.
    #[error("{disk}: {error}")]
    Transfer {
        /// Which disk.
        disk: VbdNumber,
        /// Cause.
        error: TransferError,
    },
    /// A crash dump failed.
    #[error("{disk}: no dump: {error}")]
    Dump {
        /// Which disk.
        disk: VbdNumber,
        /// Cause.
        error: DumpError,
    },
    /// A console that cannot be used.
    #[error("console {number}: {error}")]
    Console {
        /// Its number.
        number: u32,
        /// Cause.
        error: xen_front::console::ConsoleError,
    },
    /// An interface can't be used.
    #[error("{vif}: {error}")]
    Interface {
        /// Which.
        vif: Vif,
        /// Cause.
        error: xen_front::net::NetFrontError,
    },
    /// The backend does not select queues by the hash.
    #[error("{vif}: found hash {found:?}, expected it active or off")]
    Hash {
        /// Which.
        vif: Vif,
        /// Found value.
        found: xen_front::net::HashState,
    },
    /// The backend does not keep the buffers mapped, or not unmap them.
    #[error("{vif}: found static grants {found:?}, expected them active or off")]
    StaticGrants {
        /// Which.
        vif: Vif,
        /// Found value.
        found: xen_front::net::StaticGrantState,
    },
    /// The backend of an interface has closed it.
    #[error("{vif}: found state {found:?}, expected Connected")]
    DeviceState {
        /// Which interface.
        vif: Vif,
        /// Found value.
        found: DeviceState,
    },
    /// An interface has an address already.
    #[error("{vif} is in use: found it up as {cidr}, expected it down")]
    InUse {
        /// Which.
        vif: Vif,
        /// The address.
        cidr: crate::args::Cidr,
    },
    /// The network did not do it.
    #[error(transparent)]
    Net(#[from] net::NetError),
    /// A missing or invalid time of day.
    #[error(transparent)]
    WallClock(#[from] WallClockError),
    /// The domain was not suspended, or could not continue.
    #[error(transparent)]
    Suspend(#[from] SuspendError),
}

/// Returns the names that there are.
fn expected_names(expected: &str) -> String {
    match expected {
        "" => ": this domain has none".to_owned(),
        names => format!(", expected one of: {names}"),
    }
}

impl From<fmt::Error> for Error {
    fn from(_: fmt::Error) -> Self {
        Self::Output
    }
}
