//! The control ring: the hash that steers packets to the queues of a frontend, and static grants.
//!
//! Source: "Control ring" and "Control messages" in `io/netif.h`.

use super::PacketHash;
use super::config::MAX_QUEUES;
use super::queue_nodes::ControlNodes;
use super::static_grants::StaticGrants;
use crate::queue::{QueueError, bind_port, map_ring};
use core::fmt;
use heapless::Vec;
use xen_evtchn::Channel;
use xen_grant::{CopyBatch, GrantMapping, ReadWrite};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, PAGE_SIZE, PageBox, Pages, Port};
use xen_ring::{BackRing, Corrupt, Notify};
use xen_sys::io::netif::{
    NetifCtrlType, NetifHashType, XEN_NETIF_CTRL_HASH_ALGORITHM_NONE,
    XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, XenNetifCtrlRequest, XenNetifCtrlResponse,
    XenNetifGref,
};
use xenbus::net::control::{ControlError, ControlRequest, GrefList, response};
use xenbus::net::{DEFAULT_HASH, HASH_KEY, Toeplitz};

/// The most requests that one poll carries out.
const BUDGET: u32 = 16;

/// The most entries of the mapping of hashes to queues, as in Linux's netback.
#[doc(alias = "XEN_NETBK_MAX_HASH_MAPPING_SIZE")]
const MAX_MAPPING: usize = 128;

/// The hash types that are computed.
const TYPES: NetifHashType = NetifHashType(
    NetifHashType::IPV4.0
        | NetifHashType::IPV4_TCP.0
        | NetifHashType::IPV6.0
        | NetifHashType::IPV6_TCP.0,
);

type Ring<P> = BackRing<GrantMapping<P, ReadWrite>, XenNetifCtrlRequest, XenNetifCtrlResponse>;

/// The static grants of each queue; empty without support.
pub(super) type QueueGrants<P> = Vec<PageBox<P, StaticGrants<P>>, MAX_QUEUES>;

/// The hash that a frontend has configured.
struct HashConfig {
    /// The algorithm is Toeplitz, the only one.
    enabled: bool,
    types: NetifHashType,
    key: Toeplitz,
    mapping: Vec<u8, MAX_MAPPING>,
}

/// A frontend's control ring.
pub(super) struct Control<P: ForeignFrames> {
    ring: Ring<P>,
    channel: Channel<P>,
    guest: DomId,
    queues: u32,
    /// Memory for the key and the mapping.
    page: Pages<P>,
    hash: HashConfig,
}

impl<P: ForeignFrames> Control<P> {
    pub(super) fn new(
        platform: &P,
        guest: DomId,
        nodes: ControlNodes,
        queues: u32,
    ) -> Result<Self, QueueError> {
        let ring = BackRing::attach(map_ring(platform, guest, &[nodes.reference])?)?;
        let channel = bind_port(platform, guest, nodes.port)?;
        let page = Pages::alloc(platform.clone(), 1)?;
        let hash = HashConfig {
            enabled: false,
            types: NetifHashType::empty(),
            key: Toeplitz::new(&[0; HASH_KEY]),
            mapping: Vec::new(),
        };
        Ok(Self { ring, channel, guest, queues, page, hash })
    }

    pub(super) fn port(&self) -> Port {
        self.channel.port()
    }

    /// Carries out requests, as many as a poll may. Returns whether there are more.
    pub(super) fn process_ring(&mut self, grants: &mut QueueGrants<P>) -> Result<bool, Corrupt> {
        let mut result = Ok(true);
        for _ in 0..BUDGET {
            match self.ring.pop() {
                Ok(Some(request)) => {
                    let done = self.execute(&request, grants);
                    // There is room: a slot was taken for the response.
                    let _ = self.ring.push(&response(&request, done));
                    // A list takes the time of a whole poll.
                    if matches!(
                        request.type_,
                        NetifCtrlType::ADD_GREF_MAPPING | NetifCtrlType::DEL_GREF_MAPPING
                    ) {
                        break;
                    }
                }
                Ok(None) => {
                    result = Ok(false);
                    break;
                }
                Err(corrupt) => {
                    result = Err(corrupt);
                    break;
                }
            }
        }
        if self.ring.publish() == Notify::Send {
            // A port whose other end is gone has no receiver.
            let _ = self.channel.notify();
        }
        match result {
            Ok(false) => self.ring.final_check(),
            other => other,
        }
    }

    /// Returns the queue of a packet to the guest, and the hash to pass with it.
    pub(super) fn steer(&self, packet: &[u8]) -> (u32, Option<PacketHash>) {
        let HashConfig { enabled, types, key, mapping } = &self.hash;
        if !*enabled || types.is_empty() {
            return (spread(packet, self.queues), None);
        }
        // A packet without a hash is steered as one whose hash is zero, as in Linux.
        let hash = key.hash_packet(packet, *types);
        let value = hash.map_or(0, |hash| hash.value);
        let entry = (value as usize).checked_rem(mapping.len());
        let mapped = entry.and_then(|entry| mapping.get(entry)).copied().map(u32::from);
        (mapped.unwrap_or(value % self.queues.max(1)), hash)
    }

    fn execute(
        &mut self,
        request: &XenNetifCtrlRequest,
        grants: &mut QueueGrants<P>,
    ) -> Result<u32, ControlError> {
        let request = ControlRequest::from_wire(request).ok_or(ControlError::NotSupported)?;
        match request {
            ControlRequest::SetHashAlgorithm(algorithm) => {
                self.hash.enabled = match algorithm {
                    XEN_NETIF_CTRL_HASH_ALGORITHM_NONE => false,
                    XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ => true,
                    _ => return Err(ControlError::InvalidParameter),
                };
                Ok(0)
            }
            // An algorithm is chosen first.
            ControlRequest::GetHashFlags if self.hash.enabled => Ok(TYPES.0),
            ControlRequest::SetHashFlags(types) => {
                if !self.hash.enabled || types.0 & !TYPES.0 != 0 {
                    return Err(ControlError::InvalidParameter);
                }
                self.hash.types = types;
                Ok(0)
            }
            ControlRequest::SetHashKey { page, len } => self.set_key(page, len),
            ControlRequest::GetHashMappingSize => Ok(MAX_MAPPING as u32),
            ControlRequest::SetHashMappingSize(size) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if size > MAX_MAPPING {
                    return Err(ControlError::InvalidParameter);
                }
                self.hash.mapping.clear();
                // There is room: checked above.
                let _ = self.hash.mapping.resize(size, 0);
                Ok(0)
            }
            ControlRequest::SetHashMapping { page, entries, offset } => {
                self.set_mapping(page, entries, offset)
            }
            ControlRequest::GetGrefMappingSize { queue }
            | ControlRequest::AddGrefMapping(GrefList { queue, .. })
            | ControlRequest::DelGrefMapping(GrefList { queue, .. })
                if queue >= self.queues =>
            {
                Err(ControlError::InvalidParameter)
            }
            ControlRequest::GetGrefMappingSize { queue } => {
                Ok(grants.get(queue as usize).map_or(0, |grants| grants.limit() as u32))
            }
            ControlRequest::AddGrefMapping(list) => {
                let grants = grants.get_mut(list.queue as usize);
                let grants = grants.ok_or(ControlError::NotSupported)?;
                let len = self.copy_list(list)?;
                grants.add(self.page.as_slice().get(..len).unwrap_or_default()).map(|()| 0)
            }
            ControlRequest::DelGrefMapping(list) => {
                let grants = grants.get_mut(list.queue as usize);
                let grants = grants.ok_or(ControlError::NotSupported)?;
                let len = self.copy_list(list)?;
                let bytes = self.page.as_mut_slice().get_mut(..len).unwrap_or_default();
                let removed = grants.remove(bytes);
                // The statuses of the entries.
                let mut batch = CopyBatch::new(&mut self.page, self.guest);
                let copied = batch.copy_to_grant(0, list.page, 0, len).and_then(|()| batch.run());
                copied.map(|()| removed).map_err(|_| ControlError::InvalidParameter)
            }
            _ => Err(ControlError::NotSupported),
        }
    }

    /// Copies a list of grants to the page. Returns its length in bytes.
    fn copy_list(&mut self, list: GrefList) -> Result<usize, ControlError> {
        let len = u64::from(list.entries) * size_of::<XenNetifGref>() as u64;
        if len > PAGE_SIZE as u64 {
            return Err(ControlError::InvalidParameter);
        }
        self.copy(list.page, len as usize).map(<[u8]>::len)
    }

    fn set_key(&mut self, page: GrantRef, len: u32) -> Result<u32, ControlError> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > HASH_KEY {
            return Err(ControlError::BufferOverflow);
        }
        let mut key = [0; HASH_KEY];
        let found = self.copy(page, len)?;
        key.iter_mut().zip(found).for_each(|(to, from)| *to = *from);
        self.hash.key = Toeplitz::new(&key);
        Ok(0)
    }

    fn set_mapping(
        &mut self,
        page: GrantRef,
        entries: u32,
        offset: u32,
    ) -> Result<u32, ControlError> {
        let queues = self.queues;
        let end = u64::from(offset) + u64::from(entries);
        // The mapping has fewer entries than fit a page.
        if end > self.hash.mapping.len() as u64 {
            return Err(ControlError::InvalidParameter);
        }
        let found = self.copy(page, entries as usize * 4)?;
        let mut changed = Vec::<u8, MAX_MAPPING>::new();
        for entry in found.chunks_exact(4) {
            let queue = entry.first_chunk().map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes));
            if queue >= queues {
                return Err(ControlError::InvalidParameter);
            }
            // There is room: the range is a part of the mapping.
            let _ = changed.push(queue as u8);
        }
        let range = self.hash.mapping.get_mut(offset as usize..end as usize);
        range.into_iter().for_each(|range| range.copy_from_slice(&changed));
        Ok(0)
    }

    /// Copies the first `len` bytes of a page of the guest.
    fn copy(&mut self, page: GrantRef, len: usize) -> Result<&[u8], ControlError> {
        let mut batch = CopyBatch::new(&mut self.page, self.guest);
        let copied = batch.copy_from_grant(page, 0, 0, len).and_then(|()| batch.run());
        copied.map_err(|_| ControlError::InvalidParameter)?;
        self.page.as_slice().get(..len).ok_or(ControlError::InvalidParameter)
    }
}

/// Returns the queue of a packet to a guest that has not configured a hash.
pub(super) fn spread(packet: &[u8], queues: u32) -> u32 {
    const _: () = assert!(MAX_QUEUES <= u8::MAX as usize);
    if queues > 1 { DEFAULT_HASH.spread(packet) % queues } else { 0 }
}

impl<P: ForeignFrames> fmt::Debug for Control<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("hash", &self.hash.enabled)
            .field("types", &self.hash.types)
            .field("mapping", &self.hash.mapping)
            .finish_non_exhaustive()
    }
}
