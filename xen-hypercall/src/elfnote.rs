//! ELF notes, by which a kernel's image describes itself to Xen: their definition and their parser.
//! Source: `elfnote.h`.

use xen_sys::elfnote::{
    XEN_ELFNOTE_GUEST_OS, XEN_ELFNOTE_PHYS32_ENTRY, XEN_ELFNOTE_PHYS32_RELOC,
    XEN_ELFNOTE_SUPPORTED_FEATURES,
};

use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

/// One note of owner `Xen` with value `T`, in the layout of the image.
/// [`elf_notes!`](crate::elf_notes) puts it there.
///
/// The note is aligned to words for any value: notes follow each other without a gap.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub struct ElfNote<T> {
    name_len: u32,
    value_len: u32,
    kind: u32,
    name: [u8; 4],
    value: T,
}

impl<T> ElfNote<T> {
    /// Creates a note of type `kind` (`XEN_ELFNOTE_*`).
    pub const fn new(kind: u32, value: T) -> Self {
        const { assert!(core::mem::offset_of!(Self, value) == 16 && align_of::<Self>() == 4) }
        Self { name_len: 4, value_len: size_of::<T>() as u32, kind, name: *b"Xen\0", value }
    }
}

impl ElfNote<unsafe extern "C" fn()> {
    /// Sets the 32-bit entry point, which makes an image a PVH kernel. Its address must be its
    /// physical address, below 4 GiB.
    #[doc(alias = "XEN_ELFNOTE_PHYS32_ENTRY")]
    pub const fn phys32_entry(entry: unsafe extern "C" fn()) -> Self {
        Self::new(XEN_ELFNOTE_PHYS32_ENTRY, entry)
    }
}

impl ElfNote<[u32; 3]> {
    /// Permits to load the image elsewhere: at a multiple of `align`, within `min..=max`. Xen
    /// supports it since 4.20.
    #[doc(alias = "XEN_ELFNOTE_PHYS32_RELOC")]
    pub const fn phys32_reloc(align: u32, min: u32, max: u32) -> Self {
        Self::new(XEN_ELFNOTE_PHYS32_RELOC, [align, min, max])
    }
}

impl ElfNote<u32> {
    /// Lists the features that the kernel supports, one bit each (`XENFEAT_*`).
    #[doc(alias = "XEN_ELFNOTE_SUPPORTED_FEATURES")]
    pub const fn supported_features(features: u32) -> Self {
        Self::new(XEN_ELFNOTE_SUPPORTED_FEATURES, features)
    }
}

impl<const N: usize> ElfNote<[u8; N]> {
    /// Sets the name of the operating system, with a zero byte at the end.
    #[doc(alias = "XEN_ELFNOTE_GUEST_OS")]
    pub const fn guest_os(name: &[u8; N]) -> Self {
        Self::new(XEN_ELFNOTE_GUEST_OS, *name)
    }
}

/// Puts [`ElfNote`]s into the image, in section `.note.Xen`.
///
/// The linker script must keep that section (`KEEP(*(.note.Xen))`) in a segment of type `PT_NOTE`.
///
/// ```no_run
/// use xen_hypercall::elfnote::ElfNote;
///
/// unsafe extern "C" {
///     /// The entry point, in assembly.
///     fn _start();
/// }
///
/// xen_hypercall::elf_notes! {
///     ENTRY: unsafe extern "C" fn() = ElfNote::phys32_entry(_start);
///     GUEST_OS: [u8; 7] = ElfNote::guest_os(b"mykern\0");
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! elf_notes {
    ($($name:ident: $value:ty = $note:expr;)*) => {$(
        #[used]
        // SAFETY: the section is for notes, and an `ElfNote` has their layout.
        #[unsafe(link_section = ".note.Xen")]
        static $name: $crate::elfnote::ElfNote<$value> = $note;
    )*};
}

/// Note in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// Owner, without trailing zero bytes.
    pub name: &'a [u8],
    /// Type: `XEN_ELFNOTE_*` if the owner is `Xen`.
    pub kind: u32,
    /// Value.
    pub value: &'a [u8],
}

impl<'a> Note<'a> {
    /// Returns the value of one, two, four or eight bytes as a number, as Xen's loader does.
    pub fn number(&self) -> Option<u64> {
        let mut bytes = [0; 8];
        if !matches!(self.value.len(), 1 | 2 | 4 | 8) {
            return None;
        }
        bytes.get_mut(..self.value.len())?.copy_from_slice(self.value);
        Some(u64::from_le_bytes(bytes))
    }
}

/// Notes of a segment of type `PT_NOTE` or a section of type `SHT_NOTE`, aligned to words.
///
/// The iterator ends at the first note that extends beyond the segment, since the start of the next
/// one is unknown.
#[derive(Clone, Debug)]
pub struct Notes<'a> {
    rest: &'a [u8],
}

impl<'a> Notes<'a> {
    /// Creates the iterator over the notes in `segment`.
    pub fn new(segment: &'a [u8]) -> Self {
        Self { rest: segment }
    }

    /// Returns Xen's note of type `kind` (`XEN_ELFNOTE_*`): the last one of several, as Xen does.
    pub fn of_xen(self, kind: u32) -> Option<Note<'a>> {
        self.filter(|note| note.name == b"Xen" && note.kind == kind).last()
    }

    fn take(&mut self, len: u32) -> Option<&'a [u8]> {
        let len = usize::try_from(len).ok()?;
        let (taken, _) = self.rest.split_at_checked(len)?;
        // The padding of the last value may be missing.
        let padded = len.checked_next_multiple_of(4)?.min(self.rest.len());
        self.rest = self.rest.get(padded..)?;
        Some(taken)
    }

    fn parse(&mut self) -> Option<Note<'a>> {
        let (&[name_len, value_len, kind], rest) = <[U32; 3]>::ref_from_prefix(self.rest).ok()?;
        self.rest = rest;
        let name = self.take(name_len.get())?;
        let end = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let value = self.take(value_len.get())?;
        Some(Note { name: name.get(..end)?, kind: kind.get(), value })
    }
}

impl<'a> Iterator for Notes<'a> {
    type Item = Note<'a>;

    fn next(&mut self) -> Option<Note<'a>> {
        let note = self.parse();
        if note.is_none() {
            self.rest = &[];
        }
        note
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Name length, value length, type, name: four words, then the value; the whole in words.
    #[test]
    fn note_has_elf_layout() {
        assert_eq!(size_of::<ElfNote<u32>>(), 20);
        assert_eq!(size_of::<ElfNote<[u32; 3]>>(), 28);
        assert_eq!(size_of::<ElfNote<[u8; 5]>>(), 24);
        let note = ElfNote::guest_os(b"abcd\0");
        assert_eq!(
            ({ note.name_len }, { note.value_len }, { note.kind }, note.name),
            (4, 5, 6, *b"Xen\0")
        );
        assert_eq!({ ElfNote::supported_features(7).value_len }, 4);
        assert_eq!({ ElfNote::phys32_reloc(0x20_0000, 0, u32::MAX).kind }, 19);
        assert_eq!(size_of::<ElfNote<unsafe extern "C" fn()>>(), 16 + size_of::<usize>());
    }

    fn note(name: &[u8], kind: u32, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [name.len() as u32, value.len() as u32, kind] {
            bytes.extend(word.to_le_bytes());
        }
        for part in [name, value] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn notes_are_read_in_order() {
        let entry = 0x10_0000u32.to_le_bytes();
        let image = [
            note(b"GNU\0", 3, &[1; 20]),
            note(b"Xen\0", XEN_ELFNOTE_PHYS32_ENTRY, &[0; 4]),
            note(b"Xen\0", XEN_ELFNOTE_GUEST_OS, b"mine\0"),
            note(b"Xen\0", XEN_ELFNOTE_PHYS32_ENTRY, &entry),
            note(b"", 1, b""),
        ]
        .concat();
        let kinds: Vec<_> =
            Notes::new(&image).map(|note| (note.name, note.kind, note.value.len())).collect();
        let expected: [(&[u8], _, _); 5] =
            [(b"GNU", 3, 20), (b"Xen", 18, 4), (b"Xen", 6, 5), (b"Xen", 18, 4), (b"", 1, 0)];
        assert_eq!(kinds, expected);
        let found = Notes::new(&image).of_xen(XEN_ELFNOTE_PHYS32_ENTRY);
        assert_eq!(found.and_then(|note| note.number()), Some(0x10_0000));
        let name = Notes::new(&image).of_xen(XEN_ELFNOTE_GUEST_OS).unwrap();
        assert_eq!((name.value, name.number()), (b"mine\0".as_slice(), None));
    }

    #[test]
    fn truncated_note_ends_list() {
        let whole = note(b"Xen\0", 6, b"abcd\0");
        // Without the padding of its value, the note is still complete.
        assert_eq!(Notes::new(&whole[..whole.len() - 3]).count(), 1);
        for len in 0..whole.len() - 3 {
            assert_eq!(Notes::new(&whole[..len]).count(), 0, "{len} bytes");
        }
        let huge = [[0xff; 4], [0xff; 4], [0; 4]].concat();
        assert_eq!(Notes::new(&[whole, huge].concat()).count(), 1);
    }
}
