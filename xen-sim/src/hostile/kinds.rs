//! Protocols of hostile backends: the parts that a connection needs.

use crate::DeviceKind;

/// Device protocol of a [`HostileBackend`](crate::HostileBackend): rings of one page each, and one
/// event channel.
#[derive(Debug)]
pub struct BackendProtocol {
    /// Keys of the frontend's rings, at most three. A frontend may leave out the last ones.
    pub rings: &'static [&'static str],
    /// Key of the frontend's event channel.
    pub event_channel: &'static str,
    /// Size of a slot of each ring, in bytes.
    pub slots: &'static [usize],
    /// Nodes of the backend, with values that the frontend accepts.
    pub nodes: &'static [(&'static str, &'static str)],
    /// Function that replaces a request by its response, both as the bytes of a slot.
    pub respond: fn(ring: usize, slot: &mut [u8]),
}

/// Maximum number of rings of a protocol.
pub(super) const MAX_RINGS: usize = 3;

#[doc(alias = "BLKIF_OP_INDIRECT")]
const INDIRECT: u8 = 6;

static VBD: BackendProtocol = BackendProtocol {
    rings: &["ring-ref"],
    event_channel: "event-channel",
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
        ("discard-secure", "1"),
        ("max-ring-page-order", "0"),
        ("feature-persistent", "1"),
        ("feature-max-indirect-segments", "32"),
        ("multi-queue-max-queues", "1"),
    ],
    respond: |_, slot| {
        // Operation and ID of the request; status 0. An indirect request has its operation in the
        // second byte.
        let operation = if slot[0] == INDIRECT { slot[1] } else { slot[0] };
        let id = slot[8..16].to_vec();
        slot[..16].fill(0);
        slot[..8].copy_from_slice(&id);
        slot[8] = operation;
    },
};

static VIF: BackendProtocol = BackendProtocol {
    rings: &["tx-ring-ref", "rx-ring-ref", "ctrl-ring-ref"],
    event_channel: "event-channel",
    slots: &[12, 8, 16],
    nodes: &[
        ("feature-rx-copy", "1"),
        ("feature-sg", "1"),
        ("feature-rx-flip", "0"),
        ("feature-gso-tcpv4", "1"),
        ("feature-ipv6-csum-offload", "1"),
        ("feature-ctrl-ring", "1"),
        ("feature-xdp-headroom", "1"),
        ("multi-queue-max-queues", "2"),
        ("mac", "00:16:3e:00:00:00"),
        ("mtu", "1500"),
    ],
    respond: |ring, slot| {
        if ring == 2 {
            // ID and type of the request; status 0; a number that is all hash types, or the
            // entries of a mapping.
            slot[4..].fill(0);
            slot[8] = 0x8f;
        } else if ring == 0 {
            // ID of the request; status 0.
            let id = [slot[8], slot[9]];
            slot.fill(0);
            slot[..2].copy_from_slice(&id);
        } else {
            // ID of the request; offset 0, no flags, 60 bytes.
            slot[2..].copy_from_slice(&[0, 0, 0, 0, 60, 0]);
        }
    },
};

/// Protocol of an unknown kind: states alone.
static STATES: BackendProtocol = BackendProtocol {
    rings: &[],
    event_channel: "event-channel",
    slots: &[],
    nodes: &[],
    respond: |_, _| {},
};

impl BackendProtocol {
    pub(super) fn of(kind: DeviceKind) -> &'static Self {
        match kind {
            DeviceKind::Vbd => &VBD,
            DeviceKind::Vif => &VIF,
            DeviceKind::Other(_) => &STATES,
        }
    }
}
