//! The network interface of this domain's own stack: a port of the switch.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use xen_back::net::{ChecksumState, MAX_PACKET, Packet, PacketMeta, checksum};

/// The most bytes of a frame, the Ethernet header among them.
const FRAME: usize = 1514;
/// Frames that can wait in each direction. What exceeds it is lost, as on any wire.
const FRAMES: usize = 256;

/// Frames on their way between the switch and the stack. Their buffers are used over and over.
#[derive(Debug, Default)]
pub(crate) struct Nic {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
    free: Vec<Vec<u8>>,
}

impl Nic {
    /// Takes a packet for the stack.
    pub(crate) fn receive(&mut self, packet: Packet<'_>) {
        let wrong = packet.meta.checksum == ChecksumState::Unknown
            && checksum::verify(packet.bytes) == Some(false);
        // What need not go onto a wire need not be cut for one.
        let limit = if packet.meta.segmentation.is_some() { MAX_PACKET } else { FRAME };
        if packet.bytes.len() > limit || self.received.len() >= FRAMES || wrong {
            return;
        }
        let mut buffer = self.buffer();
        buffer.extend_from_slice(packet.bytes);
        self.received.push_back(buffer);
    }

    /// Hands each frame that the stack has sent to `each`.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Packet<'_>)) {
        while let Some(mut frame) = self.sent.pop_front() {
            // It is not going onto a wire, but to guests' memory.
            let blank = checksum::set_partial(&mut frame);
            let checksum = if blank { ChecksumState::Partial } else { ChecksumState::Verified };
            each(Packet::new(&frame, PacketMeta::new(checksum)));
            self.free.push(frame);
        }
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.free.pop().unwrap_or_else(|| Vec::with_capacity(FRAME));
        buffer.clear();
        buffer
    }
}

pub(crate) struct RxToken(Vec<u8>);

pub(crate) struct TxToken<'n>(&'n mut Nic);

impl Device for Nic {
    type RxToken<'n> = RxToken;
    type TxToken<'n> = TxToken<'n>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken<'_>)> {
        if self.sent.len() >= FRAMES {
            return None;
        }
        let frame = self.received.pop_front()?;
        Some((RxToken(frame), TxToken(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        (self.sent.len() < FRAMES).then_some(TxToken(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        // TCP's checksums are handled above, and left partial for the receiver.
        let mut checksum = ChecksumCapabilities::default();
        checksum.tcp = phy::Checksum::None;
        capabilities.checksum = checksum;
        capabilities
    }
}

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut buffer = self.0.buffer();
        buffer.resize(len, 0);
        let result = f(&mut buffer);
        self.0.sent.push_back(buffer);
        result
    }
}
