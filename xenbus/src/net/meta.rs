//! Properties of a packet that both ends exchange beside its bytes.

use super::{ChecksumState, PacketHash};
use core::num::NonZeroU16;
use heapless::Vec;
use xen_sys::io::netif::{
    NetRxFlags, NetTxFlags, NetifExtraFlags, NetifExtraGso, NetifExtraInfo, NetifExtraType,
    NetifGsoType,
};

/// Properties of a packet beside its bytes, as `io/netif.h` carries them in either direction.
///
/// The default is a packet that can go onto a wire as it is: of unknown checksum, not segmented. A
/// packet is forwarded by passing the metadata that it was received with to the transmit function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacketMeta {
    /// State of the TCP or UDP checksum.
    pub checksum: ChecksumState,
    /// Segmentation that the packet needs before it goes onto a wire.
    pub segmentation: Option<Segmentation>,
    /// Hash of its addresses and ports.
    pub hash: Option<PacketHash>,
}

impl PacketMeta {
    /// Creates the metadata of a packet that is not segmented.
    pub const fn new(checksum: ChecksumState) -> Self {
        Self { checksum, segmentation: None, hash: None }
    }

    /// Returns the metadata with `segmentation`.
    #[must_use]
    pub const fn with_segmentation(self, segmentation: Segmentation) -> Self {
        Self { segmentation: Some(segmentation), ..self }
    }

    /// Returns the metadata with `hash`.
    #[must_use]
    pub const fn with_hash(self, hash: PacketHash) -> Self {
        Self { hash: Some(hash), ..self }
    }

    /// Returns the extra info slots of the packet, in order.
    pub fn extra_infos(&self) -> impl Iterator<Item = NetifExtraInfo> + use<> {
        let mut infos = Vec::<NetifExtraInfo, 2>::new();
        // There is room for both.
        for info in
            [self.segmentation.map(Segmentation::extra_info), self.hash.map(PacketHash::extra_info)]
                .into_iter()
                .flatten()
        {
            if let Some(last) = infos.last_mut() {
                last.flags = NetifExtraFlags::MORE;
            }
            let _ = infos.push(info);
        }
        infos.into_iter()
    }
}

/// Segmentation of a TCP packet: one packet that stands for several on a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "XEN_NETIF_EXTRA_TYPE_GSO")]
pub struct Segmentation {
    /// Protocol whose headers each segment repeats.
    pub kind: SegmentationKind,
    /// The most bytes of TCP payload in a segment.
    pub size: NonZeroU16,
}

/// Protocol of a packet that is to be segmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentationKind {
    /// TCP over IPv4.
    #[doc(alias = "XEN_NETIF_GSO_TYPE_TCPV4")]
    TcpIpv4,
    /// TCP over IPv6.
    #[doc(alias = "XEN_NETIF_GSO_TYPE_TCPV6")]
    TcpIpv6,
}

impl Segmentation {
    /// Reads the content of an extra info slot of type GSO. `None` if the size is zero or the kind
    /// is unknown.
    pub fn from_gso(gso: NetifExtraGso) -> Option<Self> {
        let kind = match gso.type_ {
            NetifGsoType::TCPV4 => SegmentationKind::TcpIpv4,
            NetifGsoType::TCPV6 => SegmentationKind::TcpIpv6,
            _ => return None,
        };
        Some(Self { kind, size: NonZeroU16::new(gso.size)? })
    }

    /// Returns the extra info slot of the packet.
    pub fn extra_info(self) -> NetifExtraInfo {
        let type_ = match self.kind {
            SegmentationKind::TcpIpv4 => NetifGsoType::TCPV4,
            SegmentationKind::TcpIpv6 => NetifGsoType::TCPV6,
        };
        let gso = NetifExtraGso { size: self.size.get(), type_, ..NetifExtraGso::default() };
        NetifExtraInfo {
            type_: NetifExtraType::GSO,
            flags: NetifExtraFlags::empty(),
            u: zerocopy::transmute!(gso),
        }
    }
}

impl ChecksumState {
    /// Reads the flags of a packet's first transmit request.
    pub fn from_tx_flags(flags: NetTxFlags) -> Self {
        let validated = flags.contains(NetTxFlags::DATA_VALIDATED);
        Self::from_bits(flags.contains(NetTxFlags::CSUM_BLANK), validated)
    }

    /// Reads the flags of a packet's first receive response.
    pub fn from_rx_flags(flags: NetRxFlags) -> Self {
        let validated = flags.contains(NetRxFlags::DATA_VALIDATED);
        Self::from_bits(flags.contains(NetRxFlags::CSUM_BLANK), validated)
    }

    /// Returns the flags for a packet's first transmit request.
    pub fn tx_flags(self) -> NetTxFlags {
        match self {
            Self::Partial => NetTxFlags::CSUM_BLANK | NetTxFlags::DATA_VALIDATED,
            Self::Verified => NetTxFlags::DATA_VALIDATED,
            Self::Unknown => NetTxFlags::empty(),
        }
    }

    /// Returns the flags for a packet's first receive response.
    pub fn rx_flags(self) -> NetRxFlags {
        match self {
            Self::Partial => NetRxFlags::CSUM_BLANK | NetRxFlags::DATA_VALIDATED,
            Self::Verified => NetRxFlags::DATA_VALIDATED,
            Self::Unknown => NetRxFlags::empty(),
        }
    }

    fn from_bits(blank: bool, validated: bool) -> Self {
        match (blank, validated) {
            (true, _) => Self::Partial,
            (false, true) => Self::Verified,
            (false, false) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksum_flags_round_trip() {
        for state in [ChecksumState::Partial, ChecksumState::Verified, ChecksumState::Unknown] {
            assert_eq!(ChecksumState::from_tx_flags(state.tx_flags()), state);
            assert_eq!(ChecksumState::from_rx_flags(state.rx_flags()), state);
        }
        // A frontend that sets one of the two flags means the same.
        assert_eq!(ChecksumState::from_tx_flags(NetTxFlags::CSUM_BLANK), ChecksumState::Partial);
        assert_eq!(ChecksumState::from_rx_flags(NetRxFlags::CSUM_BLANK), ChecksumState::Partial);
    }

    #[test]
    fn all_but_last_extra_are_continued() {
        use xen_sys::io::netif::NetifHashType;
        let size = NonZeroU16::new(1448).unwrap();
        let segmentation = Segmentation { kind: SegmentationKind::TcpIpv6, size };
        let hash = PacketHash { kind: NetifHashType::IPV6_TCP, value: 7 };
        let plain = PacketMeta::default();
        let kinds = |meta: PacketMeta| {
            meta.extra_infos()
                .map(|info| (info.type_.0, info.flags.0))
                .collect::<std::vec::Vec<_>>()
        };
        assert_eq!(kinds(plain), []);
        assert_eq!(kinds(plain.with_hash(hash)), [(4, 0)]);
        assert_eq!(kinds(plain.with_segmentation(segmentation)), [(1, 0)]);
        assert_eq!(kinds(plain.with_hash(hash).with_segmentation(segmentation)), [(1, 1), (4, 0)]);
    }

    #[test]
    fn checksum_flags_have_bits_of_netif() {
        // Bits 0 and 1 are exchanged between the directions (`io/netif.h`).
        let tx = [1, 2].map(|bits| ChecksumState::from_tx_flags(NetTxFlags(bits)));
        let rx = [2, 1].map(|bits| ChecksumState::from_rx_flags(NetRxFlags(bits)));
        assert_eq!(tx, [ChecksumState::Partial, ChecksumState::Verified]);
        assert_eq!(rx, tx);
    }

    proptest! {
        #[test]
        fn gso_content_round_trips(size: u16, kind: u8, features: u16) {
            let gso = NetifExtraGso { size, type_: NetifGsoType(kind), pad: 0, features };
            let found = Segmentation::from_gso(gso);
            prop_assert_eq!(found.is_some(), size != 0 && matches!(kind, 1 | 2));
            if let Some(segmentation) = found {
                let info = segmentation.extra_info();
                prop_assert_eq!(info.type_, NetifExtraType::GSO);
                let again: NetifExtraGso = zerocopy::transmute!(info.u);
                prop_assert_eq!(Segmentation::from_gso(again), found);
                prop_assert_eq!((again.pad, again.features), (0, 0));
            }
        }
    }
}
