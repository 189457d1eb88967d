//! The other side of shared memory: it changes a few bytes right before the driver loads some.

use arbitrary::Unstructured;
use std::sync::atomic::Ordering::Relaxed;
use xen_hypercall::{Page, SharedMem, observe_loads};

/// Runs a target on a zeroed page.
pub fn with_page(target: impl FnOnce(&SharedMem)) {
    let mut page = Box::new([Page::ZERO]);
    target(SharedMem::from_pages(&mut page));
}

/// A peer whose deeds are the bytes of an input stream; when they end, it keeps still.
pub struct Peer<'m, 'd> {
    mem: &'m SharedMem,
    deeds: Unstructured<'d>,
}

impl<'m, 'd> Peer<'m, 'd> {
    /// Lets `deeds` decide what happens to `mem`.
    pub fn new(mem: &'m SharedMem, deeds: &'d [u8]) -> Self {
        Self { mem, deeds: Unstructured::new(deeds) }
    }

    /// Runs `driver`; before each of its loads from the memory the peer may write.
    pub fn against<R>(mut self, driver: impl FnOnce() -> R) -> R {
        let start = core::ptr::from_ref(self.mem).cast::<u8>().addr();
        let range = start..start + self.mem.len();
        observe_loads(
            &mut |address, len| {
                if range.contains(&address) {
                    // No more deeds: nothing happens.
                    let _ = self.act(address - start, len);
                }
            },
            driver,
        )
    }

    fn act(&mut self, offset: usize, len: usize) -> arbitrary::Result<()> {
        if self.deeds.is_empty() {
            return Ok(());
        }
        let word = self.mem.u32_at(offset & !3);
        match self.deeds.arbitrary::<u8>()? % 8 {
            0..=2 => {}
            // The index that is about to be read moves on a little, as an honest peer's does.
            3 | 4 => {
                let step = u32::from(self.deeds.arbitrary::<u8>()? % 8);
                if let Some(word) = word {
                    word.store(word.load(Relaxed).wrapping_add(step), Relaxed);
                }
            }
            5 => {
                let value = self.deeds.arbitrary()?;
                if let Some(word) = word {
                    word.store(value, Relaxed);
                }
            }
            6 => {
                let bytes = self.deeds.bytes(len.min(self.deeds.len()))?;
                self.mem.copy_from(offset, bytes);
            }
            _ => {
                let offset = usize::from(self.deeds.arbitrary::<u16>()?) % self.mem.len();
                self.mem.write(offset, &self.deeds.arbitrary::<u8>()?);
            }
        }
        Ok(())
    }
}
