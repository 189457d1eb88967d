//! What can go wrong with a console.

use core::fmt;
use xen_hypercall::Errno;
use xen_ring::Corrupt;

/// Why console bytes could not be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleError {
    /// The peer published an impossible index. That direction of the console is dead for good;
    /// nothing was copied.
    Ring(Corrupt),
    /// Xen refused to notify the peer; the bytes are in the ring.
    Notify(Errno),
    /// The peer did not drain the ring in time.
    Timeout {
        /// How many of the caller's bytes are in the ring.
        written: usize,
        /// How many there were.
        len: usize,
    },
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring(corrupt) => write!(f, "console: {corrupt}"),
            Self::Notify(errno) => write!(f, "console: the peer could not be notified: {errno}"),
            Self::Timeout { written, len } => {
                write!(
                    f,
                    "console: its reader took too little in time, {written} of {len} bytes are written"
                )
            }
        }
    }
}

impl core::error::Error for ConsoleError {}

impl From<Corrupt> for ConsoleError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Ring(corrupt)
    }
}
