//! A made-up device of kind `vrot`: the backend returns each byte of a stream, its letters rotated
//! by the number in a page of configuration.
//!
//! | node | writer | value |
//! |---|---|---|
//! | `limit` | toolstack, in the backend's directory | largest shift that the guest may have |
//! | `max-shift` | backend | largest shift that the backend supports |
//! | `ring-ref` | frontend | grant of the ring's page of indices, writable |
//! | `config-ref` | frontend | grant of the page of configuration, read-only: the shift, a `u32` |
//! | `event-channel` | frontend | port |

#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod back;
mod front;

pub use back::RotBack;
pub use front::RotFront;

use xen_grant::{GrantError, MapError};
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::{Corrupt, FlexError};
use xenbus::XenbusError;

/// Kind of the device in xenstore.
pub const KIND: &str = "vrot";

/// Binary logarithm of the ring's pages.
const ORDER: u32 = 2;

/// Number of the ring's pages.
const PAGES: usize = 1 << ORDER;

/// Offset of the shift in the page of configuration.
const SHIFT: usize = 0;

/// Error of either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotError {
    /// The device could not be connected or closed.
    #[error(transparent)]
    Xenbus(#[from] XenbusError),
    /// The platform has no memory.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The pages could not be granted.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The frontend's pages could not be mapped.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The ring has a wrong size.
    #[error(transparent)]
    Ring(#[from] FlexError),
    /// The peer wrote a wrong index.
    #[error(transparent)]
    Index(#[from] Corrupt),
    /// The event channel could not be opened or notified.
    #[error("event channel: {0}")]
    Port(#[from] Errno),
    /// The shift is larger than the backend permits.
    #[error("shift: found {found}, expected {limit} at most")]
    Shift {
        /// Shift that was found.
        found: u32,
        /// Largest shift.
        limit: u32,
    },
}
