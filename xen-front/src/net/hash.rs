//! The hash that the backend computes for received packets, and the queues that it selects.

use super::control::{ControlRing, Timer};
use super::tx_buffers::TxMemory;
use super::{MAX_QUEUES, NetFrontError};
use core::time::Duration;
use heapless::Vec;
use thiserror::Error;
use xen_hypercall::{GrantRef, Instant, PAGE_SIZE, StableSharedMem};
use xen_sys::io::netif::{
    NetifHashType, XEN_NETIF_CTRL_HASH_ALGORITHM_NONE, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
};
use xenbus::net::control::{ControlError, ControlRequest};
use xenbus::net::{DEFAULT_KEY, HASH_KEY};

/// The most entries of a mapping of hashes to queues, as in Linux's netback.
#[doc(alias = "XEN_NETBK_MAX_HASH_MAPPING_SIZE")]
pub const MAX_HASH_MAPPING: usize = 128;

/// Toeplitz hash of received packets, and the mapping of its values to queues:
/// [`NetFront::set_hash`](super::NetFront::set_hash).
///
/// The default covers all types with the key that Microsoft has published, without a mapping.
///
/// Source: "Control messages" in `io/netif.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ")]
pub struct HashConfig {
    types: NetifHashType,
    key: [u8; HASH_KEY],
    mapping: Vec<u8, MAX_HASH_MAPPING>,
}

impl HashConfig {
    /// Creates the hash of the types `types` with `key`, without a mapping: the hash modulo the
    /// number of queues is the queue.
    #[doc(alias("XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS", "XEN_NETIF_CTRL_TYPE_SET_HASH_KEY"))]
    pub fn new(types: NetifHashType, key: [u8; HASH_KEY]) -> Self {
        Self { types, key, mapping: Vec::new() }
    }

    /// Returns the configuration with a mapping: a packet is received by queue
    /// `queues[hash % queues.len()]`. On a connection with fewer queues an entry is that modulo
    /// their number. An empty mapping is none.
    ///
    /// # Errors
    ///
    /// [`NetFrontError::HashMapping`] for more than [`MAX_HASH_MAPPING`] entries, or a queue from
    /// [`MAX_QUEUES`] on.
    #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING")]
    pub fn with_mapping(mut self, queues: &[u16]) -> Result<Self, NetFrontError> {
        self.mapping.clear();
        for &queue in queues {
            let entry = u8::try_from(queue).ok().filter(|_| queue < MAX_QUEUES);
            let pushed = entry.is_some_and(|entry| self.mapping.push(entry).is_ok());
            if !pushed {
                return Err(NetFrontError::HashMapping { entries: queues.len(), queue });
            }
        }
        Ok(self)
    }
}

impl Default for HashConfig {
    fn default() -> Self {
        Self::new(NetifHashType(0xf), DEFAULT_KEY)
    }
}

/// State of the hash of received packets: [`NetFront::hash_state`](super::NetFront::hash_state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashState {
    /// No hash is configured: the backend selects queues as it likes.
    Off,
    /// The backend has no control ring, or
    /// [`NetFrontConfig::control_ring`](super::NetFrontConfig::control_ring) is not set.
    Unsupported,
    /// The backend has not answered all requests yet, or the device is not connected.
    Pending,
    /// The backend selects queues by the hash.
    Active,
    /// The backend has not taken the configuration, and was requested to compute no hash.
    Failed(ControlRingError),
}

/// The reason why a backend has not taken a configuration over the control ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ControlRingError {
    /// The backend has refused a request.
    #[error("control request {request:?}: {error}")]
    Refused {
        /// The request.
        request: ControlRequest,
        /// The backend's reason.
        #[source]
        error: ControlError,
    },
    /// The backend does not compute all types.
    #[error("hash types {:#x}, expected those of the backend, {:#x}", .found.0, .supported.0)]
    Types {
        /// The types of the configuration.
        found: NetifHashType,
        /// The types that the backend computes.
        supported: NetifHashType,
    },
    /// The mapping has more entries than the backend supports.
    #[error("mapping of {found} entries, expected at most those of the backend, {limit}")]
    Mapping {
        /// The entries of the configuration.
        found: usize,
        /// The most entries.
        limit: u32,
    },
    /// The backend has unmapped another number of static grants than it had mapped.
    #[error("{found} static grants unmapped, expected {expected}")]
    Unmapped {
        /// The number that the backend reports.
        found: u32,
        /// The number that was mapped.
        expected: usize,
    },
    /// The backend has not answered in the time of
    /// [`NetFrontConfig::timeout`](super::NetFrontConfig::timeout).
    #[error("no answer to a control request within {} ms", .waited.as_millis())]
    Timeout {
        /// The time.
        waited: Duration,
    },
}

/// The requested configuration, for this connection and later ones.
#[derive(Debug, Default)]
pub(super) struct HashWish {
    pub(super) config: Option<HashConfig>,
    /// A change that is not sent yet.
    pub(super) changed: bool,
}

/// Steps of a configuration. The requests of a step are in flight together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    /// The algorithm is set, and the limits are read.
    Query,
    /// The hash is set.
    Apply,
    /// The algorithm is removed.
    Remove,
}

/// The configuration of a connection's hash.
#[derive(Debug)]
pub(super) struct HashControl<M> {
    /// The pages of the key and of the mapping, which the backend can read while a request is in
    /// flight; the driver writes to them while none is.
    pages: M,
    first: GrantRef,
    queues: usize,
    step: Step,
    in_flight: u8,
    supported: NetifHashType,
    limit: u32,
    failed: Option<ControlRingError>,
    timer: Timer,
    state: HashState,
}

impl<M> HashControl<M> {
    /// Pages for arguments.
    pub(super) const PAGES: usize = 2;

    /// Creates the configuration of a connection with `queues`; the references of `pages` follow
    /// `first`.
    pub(super) fn new(pages: M, first: GrantRef, queues: usize) -> Self {
        Self {
            pages,
            first,
            queues: queues.max(1),
            step: Step::Idle,
            in_flight: 0,
            supported: NetifHashType::empty(),
            limit: 0,
            failed: None,
            timer: Timer::default(),
            state: HashState::Off,
        }
    }

    pub(super) fn state(&self) -> HashState {
        self.state
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timer.deadline()
    }

    pub(super) fn into_pages(self) -> M {
        self.pages
    }

    /// Takes the result of a request.
    pub(super) fn answered(&mut self, request: ControlRequest, result: Result<u32, ControlError>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match (request, result) {
            (ControlRequest::GetHashFlags, Ok(types)) => self.supported = NetifHashType(types),
            (ControlRequest::GetHashMappingSize, Ok(limit)) => self.limit = limit,
            (_, Ok(_)) => {}
            (request, Err(error)) => {
                self.failed.get_or_insert(ControlRingError::Refused { request, error });
            }
        }
    }
}

impl<M: TxMemory> HashControl<M> {
    /// Sends the requests that come next, once those before are answered.
    pub(super) fn step<R: StableSharedMem>(
        &mut self,
        ring: &mut ControlRing<R>,
        wish: &mut HashWish,
        now: Instant,
        timeout: Duration,
    ) {
        if self.in_flight > 0 {
            if let Some(waited) = self.timer.expire(now) {
                // The pages stay the backend's until it answers.
                let failed = *self.failed.get_or_insert(ControlRingError::Timeout { waited });
                self.state = HashState::Failed(failed);
            }
            return;
        }
        self.timer.stop();
        let next = match self.step {
            Step::Idle if !wish.changed => return,
            Step::Idle => self.begin(wish),
            Step::Remove => {
                self.state = match (self.failed, &wish.config) {
                    (Some(failed), _) => HashState::Failed(failed),
                    (None, None) => HashState::Off,
                    (None, Some(_)) => HashState::Pending,
                };
                if wish.changed { self.begin(wish) } else { Step::Idle }
            }
            // A new configuration replaces the one under way.
            Step::Query | Step::Apply if wish.changed => self.begin(wish),
            Step::Query => self.checked(wish),
            Step::Apply if self.failed.is_some() => Step::Remove,
            Step::Apply => {
                self.state = HashState::Active;
                Step::Idle
            }
        };
        self.step = next;
        let config = wish.config.as_ref();
        match (next, config) {
            (Step::Query, Some(_)) => {
                self.send(
                    ring,
                    &[
                        ControlRequest::SetHashAlgorithm(XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ),
                        ControlRequest::GetHashFlags,
                        ControlRequest::GetHashMappingSize,
                    ],
                );
            }
            (Step::Apply, Some(config)) => self.apply(ring, config),
            (Step::Remove, _) => {
                let none = ControlRequest::SetHashAlgorithm(XEN_NETIF_CTRL_HASH_ALGORITHM_NONE);
                self.send(ring, &[none]);
            }
            _ => return,
        }
        self.timer.start(now, timeout);
    }

    /// Begins with a configuration.
    fn begin(&mut self, wish: &mut HashWish) -> Step {
        wish.changed = false;
        self.failed = None;
        self.state = HashState::Pending;
        (self.supported, self.limit) = (NetifHashType::empty(), 0);
        if wish.config.is_some() { Step::Query } else { Step::Remove }
    }

    /// Compares the configuration with the limits of the backend.
    fn checked(&mut self, wish: &HashWish) -> Step {
        let Some(HashConfig { types, mapping, .. }) = &wish.config else { return Step::Remove };
        if types.0 & !self.supported.0 != 0 {
            let (found, supported) = (*types, self.supported);
            self.failed.get_or_insert(ControlRingError::Types { found, supported });
        }
        if mapping.len() as u64 > u64::from(self.limit) {
            let (found, limit) = (mapping.len(), self.limit);
            self.failed.get_or_insert(ControlRingError::Mapping { found, limit });
        }
        if self.failed.is_some() { Step::Remove } else { Step::Apply }
    }

    /// Writes key and mapping to their pages, and sends the requests that set them.
    fn apply<R: StableSharedMem>(&mut self, ring: &mut ControlRing<R>, config: &HashConfig) {
        let (key, mapping) = (&config.key, &config.mapping);
        let queues = self.queues;
        let bytes = self.pages.bytes_mut();
        if let Some(page) = bytes.get_mut(..key.len()) {
            page.copy_from_slice(key);
        }
        let words = bytes.get_mut(PAGE_SIZE..).unwrap_or_default().chunks_exact_mut(4);
        for (word, queue) in words.zip(mapping) {
            let queue = (usize::from(*queue) % queues) as u32;
            word.copy_from_slice(&queue.to_le_bytes());
        }
        let GrantRef(first) = self.first;
        let entries = mapping.len() as u32;
        let requests = [
            ControlRequest::SetHashFlags(config.types),
            ControlRequest::SetHashKey { page: GrantRef(first), len: HASH_KEY as u32 },
            ControlRequest::SetHashMappingSize(entries),
            ControlRequest::SetHashMapping { page: GrantRef(first + 1), entries, offset: 0 },
        ];
        // Without a mapping there is no range of it.
        self.send(ring, if entries == 0 { &requests[..3] } else { &requests });
    }

    fn send<R: StableSharedMem>(&mut self, ring: &mut ControlRing<R>, requests: &[ControlRequest]) {
        for &request in requests.iter().take(ring.room()) {
            ring.send(request);
            self.in_flight += 1;
        }
    }
}
