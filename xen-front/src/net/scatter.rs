//! Private memory in several pieces, which packets are copied into.

/// Pieces of private memory, filled from the first to the last.
#[derive(Debug)]
pub(super) struct Scatter<'t, 'b> {
    pieces: &'t mut [&'b mut [u8]],
    /// The piece to fill next, and the bytes in it.
    piece: usize,
    at: usize,
    written: usize,
}

impl<'t, 'b> Scatter<'t, 'b> {
    pub(super) fn new(pieces: &'t mut [&'b mut [u8]]) -> Self {
        Self { pieces, piece: 0, at: 0, written: 0 }
    }

    /// Returns the number of bytes written.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Has `copy` write the next `len` bytes, part by part: it gets the offset of each part and its
    /// memory. `None` if there is not that much room.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        len: usize,
        copy: impl Fn(usize, &mut [u8]) -> Option<()>,
    ) -> Option<()> {
        // Most callers have one piece.
        let piece = self.pieces.get_mut(self.piece);
        let end = self.at.checked_add(len)?;
        let Some(part) = piece.and_then(|piece| piece.get_mut(self.at..end)) else {
            return self.write_parts(len, copy);
        };
        copy(0, part)?;
        (self.at, self.written) = (end, self.written + len);
        Some(())
    }

    /// Has `copy` write the next `len` bytes, to several pieces.
    #[inline(never)]
    fn write_parts(
        &mut self,
        len: usize,
        copy: impl Fn(usize, &mut [u8]) -> Option<()>,
    ) -> Option<()> {
        let mut done = 0;
        while done < len {
            let piece = self.pieces.get_mut(self.piece)?.get_mut(self.at..).unwrap_or_default();
            let part = piece.len().min(len - done);
            if part == 0 {
                (self.piece, self.at) = (self.piece + 1, 0);
                continue;
            }
            copy(done, piece.get_mut(..part)?)?;
            self.at += part;
            done += part;
        }
        self.written += len;
        Some(())
    }
}
