//! ELF notes: what a kernel's image tells Xen before it runs. Source: `elfnote.h`.

use xen_sys::elfnote::{
    XEN_ELFNOTE_GUEST_OS, XEN_ELFNOTE_PHYS32_ENTRY, XEN_ELFNOTE_PHYS32_RELOC, XEN_ELFNOTE_SUPPORTED_FEATURES,
};

/// One note of owner `Xen` with value `T`, laid out as it stands in the image. Put it there with [`elf_notes!`](crate::elf_notes).
///
/// Aligned to words, whatever the value is: notes follow each other without a gap.
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
    /// Makes a note of type `kind` (`XEN_ELFNOTE_*`).
    pub const fn new(kind: u32, value: T) -> Self {
        const { assert!(core::mem::offset_of!(Self, value) == 16 && align_of::<Self>() == 4) }
        Self { name_len: 4, value_len: size_of::<T>() as u32, kind, name: *b"Xen\0", value }
    }
}

impl ElfNote<unsafe extern "C" fn()> {
    /// Names the 32-bit entry point: what makes an image a PVH kernel. Its address must be its physical address, below 4 GiB.
    #[doc(alias = "XEN_ELFNOTE_PHYS32_ENTRY")]
    pub const fn phys32_entry(entry: unsafe extern "C" fn()) -> Self {
        Self::new(XEN_ELFNOTE_PHYS32_ENTRY, entry)
    }
}

impl ElfNote<[u32; 3]> {
    /// Says that the image can be loaded elsewhere: at a multiple of `align`, within `min..=max`. Xen 4.20 and later heed it.
    #[doc(alias = "XEN_ELFNOTE_PHYS32_RELOC")]
    pub const fn phys32_reloc(align: u32, min: u32, max: u32) -> Self {
        Self::new(XEN_ELFNOTE_PHYS32_RELOC, [align, min, max])
    }
}

impl ElfNote<u32> {
    /// Lists the features that the kernel can do with, a bit each (`XENFEAT_*`).
    #[doc(alias = "XEN_ELFNOTE_SUPPORTED_FEATURES")]
    pub const fn supported_features(features: u32) -> Self {
        Self::new(XEN_ELFNOTE_SUPPORTED_FEATURES, features)
    }
}

impl<const N: usize> ElfNote<[u8; N]> {
    /// Names the operating system, with a zero byte at the end.
    #[doc(alias = "XEN_ELFNOTE_GUEST_OS")]
    pub const fn guest_os(name: &[u8; N]) -> Self {
        Self::new(XEN_ELFNOTE_GUEST_OS, *name)
    }
}

/// Puts [`ElfNote`]s into the image, in section `.note.Xen`.
///
/// The linker script has to keep that section (`KEEP(*(.note.Xen))`), in a segment of type `PT_NOTE`.
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
        // SAFETY: the section is for notes, and an `ElfNote` is laid out as one.
        #[unsafe(link_section = ".note.Xen")]
        static $name: $crate::elfnote::ElfNote<$value> = $note;
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name length, value length, type, name: four words, then the value; the whole in words.
    #[test]
    fn notes_are_laid_out_as_elf_wants_them() {
        assert_eq!(size_of::<ElfNote<u32>>(), 20);
        assert_eq!(size_of::<ElfNote<[u32; 3]>>(), 28);
        assert_eq!(size_of::<ElfNote<[u8; 5]>>(), 24);
        let note = ElfNote::guest_os(b"abcd\0");
        assert_eq!(({ note.name_len }, { note.value_len }, { note.kind }, note.name), (4, 5, 6, *b"Xen\0"));
        assert_eq!({ ElfNote::supported_features(7).value_len }, 4);
        assert_eq!({ ElfNote::phys32_reloc(0x20_0000, 0, u32::MAX).kind }, 19);
        assert_eq!(size_of::<ElfNote<unsafe extern "C" fn()>>(), 16 + size_of::<usize>());
    }
}
