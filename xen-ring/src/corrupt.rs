//! What a ring reports when its peer broke the protocol.

use core::fmt;

/// The peer published an index that it cannot have reached. The ring is poisoned: every later use
/// reports this again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// The peer's index that was found.
    pub found: u32,
    /// Our index that it was checked against.
    pub own: u32,
    /// The most that the two may be apart.
    pub limit: u32,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, own, limit } = self;
        write!(
            f,
            "ring corrupted by its peer: found index {found:#x}, expected within {limit} of {own:#x}"
        )
    }
}

impl core::error::Error for Corrupt {}
