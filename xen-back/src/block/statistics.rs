//! Counters of a device.

use super::RequestError;

/// Counters of a device since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests to read.
    pub reads: u64,
    /// Requests to write.
    pub writes: u64,
    /// Requests to flush, and barriers.
    pub flushes: u64,
    /// Requests to free sectors.
    pub discards: u64,
    /// Requests that were not valid. The reason of the last one is
    /// [`last_request_error`](Self::last_request_error).
    pub refused: u64,
    /// Requests that failed in the storage or because the guest's memory could not be used.
    pub failed: u64,
    /// The reason why a request was refused last.
    pub last_request_error: Option<RequestError>,
    /// Connections of frontends.
    pub connections: u64,
}
