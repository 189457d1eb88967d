//! Digests of the inputs of a cache entry.

use sha2::{Digest as _, Sha256};

/// Digest of parts, each with its length. It is the same for all versions of Rust.
#[derive(Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    /// Adds a part.
    pub(crate) fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// Adds all parts of a list, and their number.
    pub(crate) fn add_all<T: AsRef<[u8]>>(&mut self, parts: &[T]) {
        self.add((parts.len() as u64).to_le_bytes());
        parts.iter().for_each(|part| self.add(part));
    }

    /// Returns the first `digits` hexadecimal digits.
    pub(crate) fn hex(self, digits: usize) -> String {
        let mut text: String = self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        text.truncate(digits);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn border_of_parts_changes_digest() {
        let digest = |parts: &[&str]| {
            let mut digest = Digest::default();
            digest.add_all(parts);
            digest.hex(8)
        };
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(digest(&[]).len(), 8);
    }
}
