//! The trusted platform module protocol: one page, one request at a time.
//!
//! Public header: `io/tpmif.h`.
//!
//! Coverage: 5 constants and 4 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

/// A slot of the first version of the protocol.
#[doc(alias = "tpmif_tx_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TpmifTxRequest {
    /// Machine address of the packet.
    pub addr: u64,
    /// The packet's grant.
    #[doc(alias = "ref")]
    pub ref_: GrantRef,
    /// Reserved; zero.
    pub unused: u16,
    /// Size in bytes.
    pub size: u16,
}
const _: () = assert!(size_of::<TpmifTxRequest>() == 16);

/// A ring of the first version.
#[doc(alias = "tpmif_ring")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TpmifRing {
    /// The slot.
    pub req: TpmifTxRequest,
}
const _: () = assert!(size_of::<TpmifRing>() == 16);

/// The page of the first version.
#[doc(alias = "tpmif_tx_interface")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TpmifTxInterface {
    /// The rings.
    pub ring: [TpmifRing; 1],
}
const _: () = assert!(size_of::<TpmifTxInterface>() == 16);

/// Rings of the first version.
pub const TPMIF_TX_RING_SIZE: usize = 1;

open_enum! {
    /// State of the page.
    #[doc(alias = "tpmif_state")]
    pub struct TpmifState(u8) {
        /// Idle, or cancelled.
        #[doc(alias = "TPMIF_STATE_IDLE")]
        IDLE = 0;
        /// Request submitted or in progress.
        #[doc(alias = "TPMIF_STATE_SUBMIT")]
        SUBMIT = 1;
        /// Response ready.
        #[doc(alias = "TPMIF_STATE_FINISH")]
        FINISH = 2;
        /// Cancellation of the request.
        #[doc(alias = "TPMIF_STATE_CANCEL")]
        CANCEL = 3;
    }
}

/// Header of the page; the grants of further pages follow, then the packet.
#[doc(alias = "tpmif_shared_page")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TpmifSharedPage {
    /// Length of the packet in bytes.
    pub length: u32,
    /// The state.
    pub state: TpmifState,
    /// Locality of the request.
    pub locality: u8,
    /// Reserved; zero.
    pub pad: u8,
    /// Number of further pages.
    pub nr_extra_pages: u8,
}
const _: () = assert!(size_of::<TpmifSharedPage>() == 8);
