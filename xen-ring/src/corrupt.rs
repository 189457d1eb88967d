//! Error of a ring whose peer violated the protocol.

use thiserror::Error;

/// Error of a ring: the peer published an index that it cannot have reached. The ring is poisoned:
/// every later use returns this error again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("ring corrupted by its peer: found index {found:#x}, expected within {limit} of {own:#x}")]
pub struct Corrupt {
    /// Index of the peer that was found.
    pub found: u32,
    /// Own index that it was compared with.
    pub own: u32,
    /// Maximum distance of the two.
    pub limit: u32,
}
