//! The content of the disk: each sector has its address and the generation of its write.

use alloc::format;
use alloc::string::String;
use sha2::{Digest, Sha256};

/// Bytes of a block, the unit of generations.
pub(crate) const BLOCK: usize = 4096;
pub(crate) const SECTOR: usize = 512;
pub(crate) const SECTORS_PER_BLOCK: u64 = (BLOCK / SECTOR) as u64;
const WORD: usize = size_of::<u64>();

/// Returns the words of a sector: its address, its generation, and words that depend on both.
fn words(sector: u64, generation: u32) -> impl Iterator<Item = u64> {
    let mut next = (sector << 32 | u64::from(generation)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let rest = core::iter::repeat_with(move || {
        next = next.rotate_left(23).wrapping_add(0xd134_2543_de82_ef95);
        next
    });
    [sector, u64::from(generation)].into_iter().chain(rest).take(SECTOR / WORD)
}

/// Fills a block with its content.
pub(crate) fn fill(bytes: &mut [u8], block: u64, generation: u32) {
    for (sector, bytes) in (block * SECTORS_PER_BLOCK..).zip(bytes.chunks_exact_mut(SECTOR)) {
        for (bytes, word) in bytes.chunks_exact_mut(WORD).zip(words(sector, generation)) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// Compares a block with its content. Returns the first difference in words for a person.
pub(crate) fn check(bytes: &[u8], block: u64, generation: u32) -> Result<(), String> {
    for (sector, bytes) in (block * SECTORS_PER_BLOCK..).zip(bytes.chunks_exact(SECTOR)) {
        let found = || {
            bytes
                .chunks_exact(WORD)
                .map(|bytes| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)))
        };
        if let Some(at) = found().zip(words(sector, generation)).position(|(a, b)| a != b) {
            let (address, written) = (found().next(), found().nth(1));
            return Err(format!(
                "sector {sector}, word {at}: found address {address:?} and generation \
                 {written:?}, expected {sector} and {generation}"
            ));
        }
    }
    Ok(())
}

/// Returns the digest of blocks from 0 on, of the given generations.
pub(crate) fn digest(generations: impl Iterator<Item = u32>) -> String {
    let (mut digest, mut bytes) = (Sha256::new(), [0; BLOCK]);
    for (block, generation) in (0..).zip(generations) {
        fill(&mut bytes, block, generation);
        digest.update(bytes);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
