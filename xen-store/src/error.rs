//! Errors of xenstore operations.

use crate::connection::ConnectionError;
use crate::text::PathText;
use crate::wire::{NumberError, PathError, ServerError};
use core::fmt;
use core::time::Duration;
use thiserror::Error;
use xen_sys::io::xs_wire::MessageType;

/// A xenstore operation that failed: which, on what path, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub struct StoreError {
    /// The request.
    pub operation: MessageType,
    /// The path that it was about; empty if it was about none.
    pub path: PathText,
    /// Cause.
    pub kind: ErrorKind,
}

/// Cause of a failed xenstore operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ErrorKind {
    /// The server refused.
    #[error("xenstored reports {0}")]
    Server(ServerError),
    /// No reply came in time.
    #[error("no reply from xenstored within {} ms", .waited.as_millis())]
    Timeout {
        /// Time that the operation waited.
        waited: Duration,
    },
    /// The store is suspended; nothing was sent.
    #[error("the store is quiesced")]
    Quiesced,
    /// The connection was reset, after a suspend or an error, before the reply came, or since the
    /// transaction was begun.
    #[error("{}", interruption(*.sent))]
    Interrupted {
        /// `true` if the request was sent, so that it may have been carried out; otherwise nothing
        /// has changed.
        sent: bool,
    },
    /// The connection is broken, until it is [reset](crate::XenStore::reconnect).
    #[error("{0}")]
    Connection(ConnectionError),
    /// The path can't be a xenstore path; nothing was sent.
    #[error("{0}")]
    Path(PathError),
    /// The request has more bytes than a message can carry, or than a table here can hold; nothing
    /// was sent.
    #[error("too long, expected at most {limit} bytes")]
    TooLong {
        /// The most bytes that it may have.
        limit: usize,
    },
    /// The path's or the value's `Display` failed; nothing was sent.
    #[error("the path or the value could not be formatted")]
    Format,
    /// All requests of [`Limits`](crate::Limits) are in flight; nothing was sent.
    #[error("all request slots are in use")]
    Busy,
    /// All watches of [`Limits`](crate::Limits) are in use; nothing was sent.
    #[error("all watches are in use")]
    TooManyWatches,
    /// The value is longer than the caller's buffer.
    #[error("the value has {needed} bytes, more than the buffer holds")]
    BufferTooSmall {
        /// The bytes that it takes.
        needed: usize,
    },
    /// The value is not UTF-8.
    #[error("the value is not UTF-8 text")]
    NotText,
    /// The value is not a number of the requested type.
    #[error("{0}")]
    Number(NumberError),
    /// The reply does not have the format of the request's reply.
    #[error("xenstored's reply is malformed")]
    Malformed,
    /// The reply has another type than the request.
    #[error("found a reply of type {found}, expected one of the request's type")]
    UnexpectedReply {
        /// The type that was found.
        found: MessageType,
    },
    /// A list that was read in parts changed meanwhile; the caller has received neither the
    /// old list nor the new one.
    #[error("the list changed while it was read")]
    Changed,
    /// A list that is read in parts has no end within the most names, bytes and parts that are
    /// taken of a server.
    #[error("the list has no end within {bytes} bytes")]
    ListTooLong {
        /// The bytes that were read.
        bytes: usize,
    },
    /// A transaction was in conflict with others every time that it was tried.
    #[error("in conflict with others in each of {attempts} attempts")]
    Conflict {
        /// Number of attempts.
        attempts: u32,
    },
}

/// Returns the text of an interrupted request.
fn interruption(sent: bool) -> &'static str {
    if sent {
        "the connection was reset before the reply came; it may have been done"
    } else {
        "the connection was reset; nothing was done"
    }
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
            "read device/vbd/51712/backend: xenstored reports ENOENT: no such node"
        );
    }

    #[test]
    fn error_is_small() {
        assert!(size_of::<StoreError>() <= 112, "{}", size_of::<StoreError>());
    }
}
