//! Counters of a device.

use super::RequestError;

/// Counters of a device since it was created. Linux has some of them in sysfs, in the directory
/// `statistics` of a device of xen-blkback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests to read.
    #[doc(alias = "rd_req")]
    pub reads: u64,
    /// Requests to write.
    #[doc(alias = "wr_req")]
    pub writes: u64,
    /// Requests to flush, and barriers.
    #[doc(alias = "f_req")]
    pub flushes: u64,
    /// Requests to free sectors.
    #[doc(alias = "ds_req")]
    pub discards: u64,
    /// Sectors of 512 bytes of valid requests to read.
    #[doc(alias = "rd_sect")]
    pub read_sectors: u64,
    /// Sectors of 512 bytes of valid requests to write.
    #[doc(alias = "wr_sect")]
    pub written_sectors: u64,
    /// Requests to read or write that were carried out together with the one before, of adjacent
    /// sectors.
    pub merged: u64,
    /// Times that no request was taken from the ring because the storage had as many as
    /// [`Config::in_flight`](super::Config::in_flight) allows.
    #[doc(alias = "oo_req")]
    pub throttled: u64,
    /// Requests that were not valid. The reason of the last one is
    /// [`last_request_error`](Self::last_request_error).
    pub refused: u64,
    /// Requests that failed in the storage or because the guest's memory could not be used.
    pub failed: u64,
    /// The reason why a request was refused last.
    pub last_request_error: Option<RequestError>,
    /// Connections of frontends.
    pub connections: u64,
    /// Persistent grants that are mapped now: see
    /// [`Config::persistent_grants`](super::Config::persistent_grants).
    #[doc(alias = "persistent_gnt_c")]
    pub persistent_grants: u64,
    /// Pages of requests that were mapped already.
    pub persistent_hits: u64,
    /// Pages of requests that were mapped for them, of frontends with persistent grants.
    pub persistent_misses: u64,
    /// Persistent grants that were unmapped for another one, or after a minute without use.
    pub persistent_evictions: u64,
}
