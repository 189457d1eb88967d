//! Errors of xenstore operations.

use crate::connection::ConnectionError;
use crate::text::PathText;
use crate::wire::{NumberError, PathError, ServerError};
use core::fmt;
use core::time::Duration;
use xen_sys::io::xs_wire::MessageType;

/// A xenstore operation that failed: which, on what path, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// The request.
    pub operation: MessageType,
    /// The path that it was about; empty if it was about none.
    pub path: PathText,
    /// Cause.
    pub kind: ErrorKind,
}

/// Cause of a failed xenstore operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The server refused.
    Server(ServerError),
    /// No reply came in time.
    Timeout {
        /// Time that the operation waited.
        waited: Duration,
    },
    /// The store is suspended; nothing was sent.
    Quiesced,
    /// The connection was reset, after a suspend or an error, before the reply came, or since the
    /// transaction was begun.
    Interrupted {
        /// `true` if the request was sent, so that it may have been carried out; otherwise nothing
        /// has changed.
        sent: bool,
    },
    /// The connection is broken, until it is [reset](crate::XenStore::reconnect).
    Connection(ConnectionError),
    /// The path can't be a xenstore path; nothing was sent.
    Path(PathError),
    /// The request has more bytes than a message can carry, or than a table here can hold; nothing
    /// was sent.
    TooLong {
        /// The most bytes that it may have.
        limit: usize,
    },
    /// The path's or the value's `Display` failed; nothing was sent.
    Format,
    /// All requests of [`Limits`](crate::Limits) are in flight; nothing was sent.
    Busy,
    /// All watches of [`Limits`](crate::Limits) are in use; nothing was sent.
    TooManyWatches,
    /// The value is longer than the caller's buffer.
    BufferTooSmall {
        /// The bytes that it takes.
        needed: usize,
    },
    /// The value is not UTF-8.
    NotText,
    /// The value is not a number of the requested type.
    Number(NumberError),
    /// The reply does not have the format of the request's reply.
    Malformed,
    /// The reply has another type than the request.
    UnexpectedReply {
        /// The type that was found.
        found: MessageType,
    },
    /// A list that was read in parts changed meanwhile; the caller has received neither the
    /// old list nor the new one.
    Changed,
    /// A list that is read in parts has no end within the most names, bytes and parts that are
    /// taken of a server.
    ListTooLong {
        /// The bytes that were read.
        bytes: usize,
    },
    /// A transaction was in conflict with others every time that it was tried.
    Conflict {
        /// Number of attempts.
        attempts: u32,
    },
}

impl ErrorKind {
    /// Returns whether the node may be missing. Below a node that the domain may not read, a server
    /// does not reveal which nodes exist.
    pub fn is_hidden(&self) -> bool {
        matches!(self, Self::Server(ServerError::NotFound | ServerError::AccessDenied))
    }
}

impl StoreError {
    /// Returns whether the error says that there is no such node.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::Server(ServerError::NotFound)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, path, kind } = self;
        match operation.name() {
            Some(name) => name.chars().try_for_each(|c| write!(f, "{}", c.to_ascii_lowercase()))?,
            None => write!(f, "xenstore request {}", operation.0)?,
        }
        if !path.as_str().is_empty() {
            write!(f, " {path}")?;
        }
        write!(f, ": {kind}")
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => write!(f, "xenstored says {error}"),
            Self::Timeout { waited } => {
                write!(f, "no reply from xenstored within {} ms", waited.as_millis())
            }
            Self::Quiesced => f.write_str("the store is quiesced"),
            Self::Interrupted { sent: true } => {
                f.write_str("the connection was reset before the reply came; it may have been done")
            }
            Self::Interrupted { sent: false } => {
                f.write_str("the connection was reset; nothing was done")
            }
            Self::Connection(error) => write!(f, "{error}"),
            Self::Path(error) => write!(f, "{error}"),
            Self::TooLong { limit } => write!(f, "too long, expected at most {limit} bytes"),
            Self::Format => f.write_str("the path or the value could not be formatted"),
            Self::Busy => f.write_str("all request slots are in use"),
            Self::TooManyWatches => f.write_str("all watches are in use"),
            Self::BufferTooSmall { needed } => {
                write!(f, "the value has {needed} bytes, more than the buffer holds")
            }
            Self::NotText => f.write_str("the value is not UTF-8 text"),
            Self::Number(error) => write!(f, "{error}"),
            Self::Malformed => f.write_str("xenstored's reply is malformed"),
            Self::UnexpectedReply { found } => {
                write!(f, "found a reply of type {found}, expected one of the request's type")
            }
            Self::Changed => f.write_str("the list changed while it was read"),
            Self::ListTooLong { bytes } => write!(f, "the list has no end within {bytes} bytes"),
            Self::Conflict { attempts } => {
                write!(f, "in conflict with others in each of {attempts} attempts")
            }
        }
    }
}

impl core::error::Error for StoreError {}
impl core::error::Error for ErrorKind {}

macro_rules! kinds {
    ($($from:ident => $variant:ident),*) => {$(
        impl From<$from> for ErrorKind {
            fn from(error: $from) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
kinds!(
    ServerError => Server,
    ConnectionError => Connection,
    PathError => Path,
    NumberError => Number
);

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn error_names_operation_path_and_kind() {
        let error = StoreError {
            operation: MessageType::READ,
            path: PathText::new(&"device/vbd/51712/backend"),
            kind: ServerError::NotFound.into(),
        };
        assert!(error.is_not_found());
        assert_eq!(
            error.to_string(),
            "read device/vbd/51712/backend: xenstored says ENOENT: no such node"
        );
    }

    #[test]
    fn error_is_small() {
        assert!(size_of::<StoreError>() <= 112, "{}", size_of::<StoreError>());
    }
}
