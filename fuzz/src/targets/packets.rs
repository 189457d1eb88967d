//! Packets: segmentation, checksums, and hashes of their flows.

use crate::input::head;
use core::num::NonZeroU16;
use xen_sys::io::netif::NetifHashType;
use xenbus::net::{
    ChecksumState, DEFAULT_HASH, Flow, Segmentation, SegmentationKind, Segments, checksum,
};

/// The most segments that are compared.
const SEGMENTS: usize = 64;

/// Runs the target.
pub fn run(mut bytes: &[u8]) {
    let [size, kind, types] = [(); 3].map(|()| u16::from_le_bytes(head(&mut bytes)));
    if let Some(flow) = Flow::find(bytes) {
        assert!([8, 12, 32, 36].contains(&flow.bytes().len()));
        let hash = DEFAULT_HASH.hash_packet(bytes, NetifHashType(u32::from(types)));
        assert!(hash.is_none_or(|hash| hash.kind.0.is_power_of_two() && hash.kind.0 < 16));
    }
    let mut completed = bytes.to_vec();
    assert_eq!(checksum::complete(&mut completed), checksum::can_complete(bytes));
    if checksum::can_complete(bytes) {
        assert_eq!(checksum::verify(&completed), Some(true));
    }
    let Some(size) = NonZeroU16::new(size) else { return };
    let kind = [SegmentationKind::TcpIpv4, SegmentationKind::TcpIpv6][usize::from(kind % 2)];
    let Some(segments) = Segments::new(bytes, Segmentation { kind, size }) else { return };
    let mut payload = Vec::new();
    // A segment behind the last has the headers only.
    let headers = segments.len(segments.count());
    for index in 0..segments.count().min(SEGMENTS) {
        let mut segment = vec![0; segments.len(index)];
        segments.write(index, ChecksumState::Verified, &mut segment).unwrap();
        assert_eq!(checksum::verify(&segment), Some(true));
        payload.extend_from_slice(&segment[headers..]);
    }
    assert_eq!(payload, bytes[headers..headers + payload.len()]);
}
