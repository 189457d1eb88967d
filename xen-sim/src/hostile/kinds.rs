//! The protocols of hostile backends: as much as one needs to connect, so that it can do harm.

use crate::DeviceKind;

/// A device protocol as a [`HostileBackend`](crate::HostileBackend) speaks it: request and response
/// rings of one page each, with one event channel.
#[derive(Debug)]
pub struct BackendProtocol {
    /// The frontend's keys of its rings, at most two.
    pub rings: &'static [&'static str],
    /// The frontend's key of its event channel.
    pub event_channel: &'static str,
    /// The size of a slot in each ring, in bytes.
    pub slots: &'static [usize],
    /// Nodes that a backend writes, with values that let the frontend connect.
    pub nodes: &'static [(&'static str, &'static str)],
    /// Turns a request into its response, both as the bytes of a slot.
    pub respond: fn(ring: usize, slot: &mut [u8]),
}

/// The most rings of a protocol.
pub(super) const MAX_RINGS: usize = 2;

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
        ("max-ring-page-order", "0"),
        ("feature-persistent", "0"),
        ("feature-max-indirect-segments", "32"),
        ("multi-queue-max-queues", "1"),
    ],
    respond: |_, slot| {
        // Operation and id of the request; status 0.
        let (operation, id) = (slot[0], slot[8..16].to_vec());
        slot[..16].fill(0);
        slot[..8].copy_from_slice(&id);
        slot[8] = operation;
    },
};

static VIF: BackendProtocol = BackendProtocol {
    rings: &["tx-ring-ref", "rx-ring-ref"],
    event_channel: "event-channel",
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
    respond: |ring, slot| {
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

/// The protocol of a kind about which nothing is known: states alone.
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
