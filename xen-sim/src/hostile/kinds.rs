//! What a hostile backend has to know of a kind of device to get far enough to do harm.

use crate::DeviceKind;

/// A kind of backend.
pub(super) struct Kind {
    /// The frontend's keys of its rings.
    pub(super) rings: &'static [&'static str],
    /// The size of a slot in each ring.
    pub(super) slots: &'static [usize],
    /// Nodes that a backend writes, and values that let the frontend connect.
    pub(super) nodes: &'static [(&'static str, &'static str)],
    /// Makes an answer of a request, both as the bytes of a slot.
    pub(super) answer: fn(ring: usize, slot: &mut [u8]),
}

static VBD: Kind = Kind {
    rings: &["ring-ref"],
    slots: &[112],
    nodes: &[
        ("sectors", "2048"),
        ("sector-size", "512"),
        ("info", "0"),
        ("physical-sector-size", "512"),
        ("feature-flush-cache", "1"),
        ("feature-barrier", "1"),
        ("feature-discard", "1"),
        ("discard-granularity", "4096"),
        ("max-ring-page-order", "0"),
        ("feature-persistent", "0"),
        ("feature-max-indirect-segments", "32"),
        ("multi-queue-max-queues", "1"),
    ],
    answer: |_, slot| {
        // Operation and id of the request; status 0.
        let (operation, id) = (slot[0], slot[8..16].to_vec());
        slot[..16].fill(0);
        slot[..8].copy_from_slice(&id);
        slot[8] = operation;
    },
};

static VIF: Kind = Kind {
    rings: &["tx-ring-ref", "rx-ring-ref"],
    slots: &[12, 8],
    nodes: &[
        ("feature-rx-copy", "1"),
        ("feature-sg", "1"),
        ("feature-rx-flip", "0"),
        ("feature-gso-tcpv4", "1"),
        ("feature-ipv6-csum-offload", "1"),
        ("feature-ctrl-ring", "1"),
        ("multi-queue-max-queues", "2"),
        ("mac", "00:16:3e:00:00:00"),
        ("mtu", "1500"),
    ],
    answer: |ring, slot| {
        if ring == 0 {
            // The id of the request; status 0.
            let id = [slot[8], slot[9]];
            slot.fill(0);
            slot[..2].copy_from_slice(&id);
        } else {
            // The id stays; offset 0, no flags, 60 bytes.
            slot[2..].copy_from_slice(&[0, 0, 0, 0, 60, 0]);
        }
    },
};

impl Kind {
    pub(super) fn of(kind: DeviceKind) -> &'static Self {
        match kind {
            DeviceKind::Vbd => &VBD,
            DeviceKind::Vif => &VIF,
        }
    }
}
