//! Messages of the control ring.
//!
//! Source: "Control messages" in `io/netif.h`.

use thiserror::Error;
use xen_hypercall::GrantRef;
use xen_sys::io::netif::{
    NetifCtrlStatus, NetifCtrlType, NetifHashType, XenNetifCtrlRequest, XenNetifCtrlResponse,
};

/// A request of the frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "xen_netif_ctrl_request")]
#[non_exhaustive]
pub enum ControlRequest {
    /// Query of the supported hash types, after an algorithm was set.
    GetHashFlags,
    /// Selection of hash types; none for a free choice of queues.
    SetHashFlags(NetifHashType),
    /// Change of the hash key.
    SetHashKey {
        /// Page with the key at its start.
        page: GrantRef,
        /// Bytes of the key. Those that follow are zero.
        len: u32,
    },
    /// Query of the most entries of the mapping of hashes to queues.
    GetHashMappingSize,
    /// Change of the number of entries, which become zero; none for queue numbers modulo the number
    /// of queues.
    SetHashMappingSize(u32),
    /// Change of a range of the mapping.
    SetHashMapping {
        /// Page with the entries at its start, a `u32` each.
        page: GrantRef,
        /// Number of entries.
        entries: u32,
        /// First entry of the mapping that is changed.
        offset: u32,
    },
    /// Selection of the algorithm, a `XEN_NETIF_CTRL_HASH_ALGORITHM_*`.
    SetHashAlgorithm(u32),
    /// Query of the most grants that stay mapped for a queue.
    GetGrefMappingSize {
        /// The queue.
        queue: u32,
    },
    /// Grants that stay mapped.
    AddGrefMapping(GrefList),
    /// Grants that are unmapped.
    DelGrefMapping(GrefList),
}

/// A list of grants in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrefList {
    /// The queue.
    pub queue: u32,
    /// Writable page with the list at its start, of
    /// [`XenNetifGref`](xen_sys::io::netif::XenNetifGref).
    pub page: GrantRef,
    /// Number of grants.
    pub entries: u32,
}

/// The reason why a request has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[doc(alias = "xen_netif_ctrl_response")]
#[non_exhaustive]
pub enum ControlError {
    /// The backend does not support the request.
    #[error("not supported by the backend")]
    NotSupported,
    /// A parameter is not valid.
    #[error("invalid parameter")]
    InvalidParameter,
    /// A size is larger than the backend supports.
    #[error("larger than the backend supports")]
    BufferOverflow,
    /// Another status.
    #[error("status {}, expected 0 to 3", .0.0)]
    Unknown(NetifCtrlStatus),
}

impl ControlRequest {
    /// Reads a request. `None` if its type is unknown.
    pub fn from_wire(request: &XenNetifCtrlRequest) -> Option<Self> {
        let [first, second, third] = request.data;
        let list = GrefList { queue: first, page: GrantRef(second), entries: third };
        Some(match request.type_ {
            NetifCtrlType::GET_HASH_FLAGS => Self::GetHashFlags,
            NetifCtrlType::SET_HASH_FLAGS => Self::SetHashFlags(NetifHashType(first)),
            NetifCtrlType::SET_HASH_KEY => Self::SetHashKey { page: GrantRef(first), len: second },
            NetifCtrlType::GET_HASH_MAPPING_SIZE => Self::GetHashMappingSize,
            NetifCtrlType::SET_HASH_MAPPING_SIZE => Self::SetHashMappingSize(first),
            NetifCtrlType::SET_HASH_MAPPING => {
                Self::SetHashMapping { page: GrantRef(first), entries: second, offset: third }
            }
            NetifCtrlType::SET_HASH_ALGORITHM => Self::SetHashAlgorithm(first),
            NetifCtrlType::GET_GREF_MAPPING_SIZE => Self::GetGrefMappingSize { queue: first },
            NetifCtrlType::ADD_GREF_MAPPING => Self::AddGrefMapping(list),
            NetifCtrlType::DEL_GREF_MAPPING => Self::DelGrefMapping(list),
            _ => return None,
        })
    }

    /// Returns the request with the identifier `id`, as the ring carries it.
    pub fn to_wire(self, id: u16) -> XenNetifCtrlRequest {
        let (type_, data) = match self {
            Self::GetHashFlags => (NetifCtrlType::GET_HASH_FLAGS, [0; 3]),
            Self::SetHashFlags(types) => (NetifCtrlType::SET_HASH_FLAGS, [types.0, 0, 0]),
            Self::SetHashKey { page, len } => (NetifCtrlType::SET_HASH_KEY, [page.0, len, 0]),
            Self::GetHashMappingSize => (NetifCtrlType::GET_HASH_MAPPING_SIZE, [0; 3]),
            Self::SetHashMappingSize(size) => (NetifCtrlType::SET_HASH_MAPPING_SIZE, [size, 0, 0]),
            Self::SetHashMapping { page, entries, offset } => {
                (NetifCtrlType::SET_HASH_MAPPING, [page.0, entries, offset])
            }
            Self::SetHashAlgorithm(algorithm) => {
                (NetifCtrlType::SET_HASH_ALGORITHM, [algorithm, 0, 0])
            }
            Self::GetGrefMappingSize { queue } => {
                (NetifCtrlType::GET_GREF_MAPPING_SIZE, [queue, 0, 0])
            }
            Self::AddGrefMapping(list) => (NetifCtrlType::ADD_GREF_MAPPING, list.data()),
            Self::DelGrefMapping(list) => (NetifCtrlType::DEL_GREF_MAPPING, list.data()),
        };
        XenNetifCtrlRequest { id, type_, data }
    }
}

impl GrefList {
    fn data(self) -> [u32; 3] {
        [self.queue, self.page.0, self.entries]
    }
}

impl ControlError {
    fn status(self) -> NetifCtrlStatus {
        match self {
            Self::NotSupported => NetifCtrlStatus::NOT_SUPPORTED,
            Self::InvalidParameter => NetifCtrlStatus::INVALID_PARAMETER,
            Self::BufferOverflow => NetifCtrlStatus::BUFFER_OVERFLOW,
            Self::Unknown(status) => status,
        }
    }
}

/// Returns the response to `request`, as the ring carries it.
pub fn response(
    request: &XenNetifCtrlRequest,
    result: Result<u32, ControlError>,
) -> XenNetifCtrlResponse {
    let XenNetifCtrlRequest { id, type_, .. } = *request;
    let (status, data) = match result {
        Ok(data) => (NetifCtrlStatus::SUCCESS, data),
        Err(error) => (error.status(), 0),
    };
    XenNetifCtrlResponse { id, type_, status, data }
}

/// Reads a response: the data of a request that has succeeded.
///
/// The caller compares `id` and `type_` with those of its request.
///
/// # Errors
///
/// [`ControlError`] of another status.
pub fn result(response: &XenNetifCtrlResponse) -> Result<u32, ControlError> {
    Err(match response.status {
        NetifCtrlStatus::SUCCESS => return Ok(response.data),
        NetifCtrlStatus::NOT_SUPPORTED => ControlError::NotSupported,
        NetifCtrlStatus::INVALID_PARAMETER => ControlError::InvalidParameter,
        NetifCtrlStatus::BUFFER_OVERFLOW => ControlError::BufferOverflow,
        status => ControlError::Unknown(status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_request_round_trips(id: u16, kind in 0u16..20, data: [u32; 3]) {
            let wire = XenNetifCtrlRequest { id, type_: NetifCtrlType(kind), data };
            let found = ControlRequest::from_wire(&wire);
            prop_assert_eq!(found.is_some(), (1..=10).contains(&kind));
            if let Some(request) = found {
                let again = request.to_wire(id);
                prop_assert_eq!((again.id, again.type_), (id, wire.type_));
                prop_assert_eq!(ControlRequest::from_wire(&again), found);
                // What a type does not define is zero.
                let same = |(sent, read): (&u32, &u32)| sent == read || *sent == 0;
                prop_assert!(again.data.iter().zip(&data).all(same));
            }
        }

        #[test]
        fn any_response_round_trips(id: u16, status in 0u32..6, data: u32) {
            let request = ControlRequest::GetHashMappingSize.to_wire(id);
            let (type_, status_word) = (request.type_, NetifCtrlStatus(status));
            let wire = XenNetifCtrlResponse { id, type_, status: status_word, data };
            let found = result(&wire);
            prop_assert_eq!(found.is_ok(), status == 0);
            prop_assert_eq!(result(&response(&request, found)), found);
            prop_assert_eq!(response(&request, found).id, id);
        }
    }

    #[test]
    fn requests_have_layout_of_netif() {
        let mapping =
            ControlRequest::SetHashMapping { page: GrantRef(8), entries: 4, offset: 60 }.to_wire(3);
        assert_eq!((mapping.type_.0, mapping.data), (6, [8, 4, 60]));
        let list = GrefList { queue: 1, page: GrantRef(8), entries: 5 };
        let added = ControlRequest::AddGrefMapping(list).to_wire(3);
        assert_eq!((added.type_.0, added.data), (9, [1, 8, 5]));
        let key = ControlRequest::SetHashKey { page: GrantRef(8), len: 40 }.to_wire(3);
        assert_eq!((key.type_.0, key.data), (3, [8, 40, 0]));
    }
}
