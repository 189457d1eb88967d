//! Hostile peers, which rewrite shared memory before each load, send any response, and write any
//! node.

mod backend;
mod held;
mod kinds;
mod memory;

pub use backend::HostileBackend;
pub use kinds::BackendProtocol;
pub use memory::{HostilePeer, SharedLoads};

use crate::rng::Rng;
use std::collections::VecDeque;

/// Source of a hostile peer's choices: bytes of a seed or of a fuzzer. Without bytes the peer
/// behaves.
#[derive(Clone, Debug, Default)]
pub struct ChoiceSource {
    bytes: VecDeque<u8>,
}

impl ChoiceSource {
    /// Creates `count` bytes from a seed.
    pub fn seeded(seed: u64, count: usize) -> Self {
        let mut rng = Rng::new(seed);
        Self { bytes: (0..count).map(|_| rng.next() as u8).collect() }
    }

    /// Creates it from a fuzzer's input.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { bytes: bytes.iter().copied().collect() }
    }

    /// Returns whether no byte is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Drops the remaining bytes.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Takes the next bytes, or zeroes after the end.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.bytes.pop_front().unwrap_or(0))
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
}
