//! Errors of commands: one line each.

use crate::command::ParseError;
use crate::net;
use alloc::string::String;
use core::fmt;
use xen_front::block::{BlkFrontError, TransferError, VbdNumber};
use xen_front::net::{DeviceState, Vif};
use xen_guest::SuspendError;
use xen_hypercall::Errno;
use xen_store::StoreError;

/// Error of a command.
#[derive(Clone, Debug)]
pub enum Error {
    /// The line is no command.
    Parse(ParseError),
    /// The terminal took no more text.
    Output,
    /// Xen refused a hypercall.
    Xen {
        /// Which.
        call: &'static str,
        /// Its answer.
        errno: Errno,
    },
    /// No xenstore.
    NoXenstore,
    /// No grant table.
    NoGrants,
    /// Xenstore refused.
    Store(StoreError),
    /// An unknown device.
    NoDevice {
        /// Its kind.
        kind: &'static str,
        /// The name that was given.
        found: String,
        /// The names that there are.
        expected: String,
    },
    /// A disk can't be used.
    Disk {
        /// Which.
        disk: VbdNumber,
        /// Cause.
        error: BlkFrontError,
    },
    /// A part of a disk ends behind the disk.
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
    Transfer {
        /// Which disk.
        disk: VbdNumber,
        /// Cause.
        error: TransferError,
    },
    /// A console that cannot be used.
    Console {
        /// Its number.
        number: u32,
        /// Cause.
        error: xen_front::console::ConsoleError,
    },
    /// An interface can't be used.
    Interface {
        /// Which.
        vif: Vif,
        /// Cause.
        error: xen_front::net::NetFrontError,
    },
    /// The backend of an interface has closed it.
    DeviceState {
        /// Which interface.
        vif: Vif,
        /// Found value.
        found: DeviceState,
    },
    /// An interface has an address already.
    InUse {
        /// Which.
        vif: Vif,
        /// The address.
        cidr: crate::args::Cidr,
    },
    /// The network did not do it.
    Net(net::NetError),
    /// The domain was not suspended, or could not continue.
    Suspend(SuspendError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::Output => f.write_str("the console takes no more text"),
            Self::Xen { call, errno } => write!(f, "{call}: Xen refused: {errno}"),
            Self::NoXenstore => {
                f.write_str("there is no xenstore, expected its ring from the toolstack")
            }
            Self::NoGrants => f.write_str("there is no grant table, expected Xen to give one"),
            Self::Store(error) => error.fmt(f),
            Self::NoDevice { kind, found, expected } if expected.is_empty() => {
                write!(f, "no {kind} '{found}': this domain has none")
            }
            Self::NoDevice { kind, found, expected } => {
                write!(f, "no {kind} '{found}', expected one of: {expected}")
            }
            Self::Disk { disk, error } => write!(f, "{disk}: {error}"),
            Self::OutOfRange { disk, offset, len, size } => {
                write!(f, "{disk}: found bytes {offset}+{len}, expected an end of at most {size}")
            }
            Self::Transfer { disk, error } => write!(f, "{disk}: {error}"),
            Self::Console { number, error } => write!(f, "console {number}: {error}"),
            Self::Interface { vif, error } => write!(f, "{vif}: {error}"),
            Self::DeviceState { vif, found } => {
                write!(f, "{vif}: found state {found:?}, expected Connected")
            }
            Self::InUse { vif, cidr } => {
                write!(f, "{vif} is in use: found it up as {cidr}, expected it down")
            }
            Self::Net(error) => error.fmt(f),
            Self::Suspend(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<net::NetError> for Error {
    fn from(error: net::NetError) -> Self {
        Self::Net(error)
    }
}

impl From<SuspendError> for Error {
    fn from(error: SuspendError) -> Self {
        Self::Suspend(error)
    }
}

impl From<fmt::Error> for Error {
    fn from(_: fmt::Error) -> Self {
        Self::Output
    }
}
