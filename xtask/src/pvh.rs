//! The check of a kernel image before Xen loads it: what Xen's loaders need, read with the crates'
//! own note parser.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf::{
    EM_386, EM_X86_64, FileHeader32, FileHeader64, Machine, PT_LOAD, PT_NOTE, SHT_NOTE,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use xen_hypercall::elfnote::Notes;

/// `XEN_ELFNOTE_PHYS32_ENTRY` of `elfnote.h`.
const PHYS32_ENTRY: u32 = 18;
/// The offset and the bytes by which a Linux bzImage is recognized.
const BZIMAGE: (usize, &[u8]) = (0x202, b"HdrS");

/// A kernel image that Xen can start as a PVH domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// The physical address that Xen starts the kernel at.
    pub(crate) entry: u64,
    /// The bytes that are loaded: the file without symbols and debug information.
    pub(crate) loaded: u64,
}

/// Checks the image in a file.
pub(crate) fn check(kernel: &Path) -> Result<Image> {
    let data = fs::read(kernel).with_context(|| format!("reading {}", kernel.display()))?;
    parse(&data).with_context(|| format!("{} is no PVH kernel", kernel.display()))
}

/// Checks an image as Xen's loaders read it: by the notes of segments, or those of sections if no
/// segment has one.
pub(crate) fn parse(data: &[u8]) -> Result<Image> {
    let identification = data.get(..16).unwrap_or(data);
    if !identification.starts_with(b"\x7fELF") {
        let (found, hint) = match data {
            [0x1f, 0x8b, ..] => ("gzip", "unpack it first"),
            [0x4d, 0x5a, ..] if !is_bzimage(data) => {
                ("a PE program", "link for a bare target such as x86_64-unknown-none")
            }
            _ if is_bzimage(data) => (
                "a Linux bzImage",
                "extract its vmlinux, or give it to `kernel=` of a guest of your own",
            ),
            _ => (
                "something else",
                "give the file that the linker wrote, not one made of it by objcopy",
            ),
        };
        bail!("file format: found {found}, expected ELF; {hint}");
    }
    if identification.get(5) != Some(&1) {
        bail!("byte order: found {:?}, expected 1 (little-endian)", identification.get(5));
    }
    match identification.get(4) {
        Some(1) => header::<FileHeader32<Endianness>>(data, EM_386),
        Some(2) => header::<FileHeader64<Endianness>>(data, EM_X86_64),
        class => bail!("ELF class: found {class:?}, expected 1 (32 bits) or 2 (64 bits)"),
    }
}

fn is_bzimage(data: &[u8]) -> bool {
    data.get(BZIMAGE.0..).is_some_and(|rest| rest.starts_with(BZIMAGE.1))
}

fn header<Elf: FileHeader<Endian = Endianness>>(data: &[u8], expected: Machine) -> Result<Image> {
    let header = Elf::parse(data).context("the ELF header")?;
    let endian = header.endian()?;
    let machine = header.e_machine(endian);
    if machine != expected {
        bail!(
            "machine: found {} in an ELF file of {} bits, expected {}; build the kernel for x86",
            machine.0,
            if header.is_type_64() { 64 } else { 32 },
            expected.0
        );
    }
    let segments = header.program_headers(endian, data).context("the program headers")?;
    let loaded: Vec<_> =
        segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD).collect();
    if loaded.is_empty() {
        bail!(
            "segments: found none of type LOAD, expected at least one; link an executable, not an \
             object file"
        );
    }
    let mut parts = Vec::new();
    for segment in segments.iter().filter(|segment| segment.p_type(endian) == PT_NOTE) {
        let part = segment.data(endian, data);
        parts.push(
            part.map_err(|()| anyhow::anyhow!("a NOTE segment reaches past the end of the file"))?,
        );
    }
    if parts.iter().all(|part| Notes::new(part).next().is_none()) {
        let sections = header.sections(endian, data).context("the section headers")?;
        for section in sections.iter().filter(|section| section.sh_type(endian) == SHT_NOTE) {
            parts.push(section.data(endian, data).context("a section of notes")?);
        }
    }
    // The last one counts.
    let Some(note) = parts.iter().rev().find_map(|part| Notes::new(part).of_xen(PHYS32_ENTRY))
    else {
        let of_xen = |part: &&[u8]| Notes::new(part).filter(|note| note.name == b"Xen").count();
        bail!(
            "entry point: found {} notes of owner Xen, none of type {PHYS32_ENTRY} \
             (PHYS32_ENTRY), expected one; add `xen_hypercall::elf_notes!` with \
             `ElfNote::phys32_entry`, and `KEEP(*(.note.Xen))` in a NOTE segment to the linker \
             script",
            parts.iter().map(of_xen).sum::<usize>()
        );
    };
    let Some(entry) = note.number() else {
        bail!(
            "entry point: found a value of {} bytes in note {PHYS32_ENTRY}, expected 4 or 8",
            note.value.len()
        );
    };
    let within = loaded.iter().any(|segment| {
        let start: u64 = segment.p_paddr(endian).into();
        let size: u64 = segment.p_filesz(endian).into();
        entry.checked_sub(start).is_some_and(|offset| offset < size)
    });
    if !within || entry >> 32 != 0 {
        let ranges = loaded.iter().map(|segment| {
            let start: u64 = segment.p_paddr(endian).into();
            format!("{start:#x}..{:#x}", start.saturating_add(segment.p_filesz(endian).into()))
        });
        bail!(
            "entry point: found physical address {entry:#x}, expected one in a loaded segment \
             ({}) below 4 GiB; link the entry at its physical address, or subtract the offset \
             between both",
            ranges.collect::<Vec<_>>().join(", ")
        );
    }
    let loaded = loaded.iter().map(|segment| segment.p_filesz(endian).into()).sum();
    Ok(Image { entry, loaded })
}

/// Makes the image of a kernel for tests: code of one segment at 1 MiB, which begins at the entry.
pub(crate) fn image(code: &[u8]) -> Vec<u8> {
    tiny(64, EM_X86_64.0, PHYS32_ENTRY, BASE, code)
}

/// A kernel that ends by a triple fault at once: it loads an empty interrupt table and takes an
/// exception.
pub(crate) const TRIPLE_FAULT: &[u8] = &[
    0x0f, 0x01, 0x1d, 0x00, 0x00, 0x00, 0x00, // lidt [0], where there are zeroes
    0x0f, 0x0b, // ud2
];

const BASE: u32 = 0x10_0000;

/// Makes an ELF file of `bits` with one segment to load, at [`BASE`], and one note of owner Xen.
fn tiny(bits: u32, machine: u16, kind: u32, entry: u32, code: &[u8]) -> Vec<u8> {
    let wide = bits == 64;
    let (header, each) = if wide { (64usize, 56usize) } else { (52, 32) };
    let start = header + 2 * each;
    let mut note = Vec::new();
    for word in [4, 4, kind] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"Xen\0");
    note.extend(entry.to_le_bytes());
    let code_at = start + note.len();
    let mut file = b"\x7fELF".to_vec();
    file.extend([if wide { 2 } else { 1 }, 1, 1]);
    file.resize(16, 0);
    let number = |file: &mut Vec<u8>, value: usize| {
        let bytes = (value as u64).to_le_bytes();
        file.extend(&bytes[..if wide { 8 } else { 4 }]);
    };
    // EXEC, of version 1.
    file.extend(2u16.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    number(&mut file, BASE as usize);
    number(&mut file, header);
    number(&mut file, 0);
    file.extend(0u32.to_le_bytes());
    for half in [header, each, 2, 0, 0, 0] {
        file.extend((half as u16).to_le_bytes());
    }
    for (kind, flags, at, size) in [(1u32, 5u32, code_at, code.len()), (4, 4, start, note.len())] {
        let address = BASE as usize;
        file.extend(kind.to_le_bytes());
        if wide {
            file.extend(flags.to_le_bytes());
        }
        for value in [at, address, address, size, size] {
            number(&mut file, value);
        }
        if !wide {
            file.extend(flags.to_le_bytes());
        }
        number(&mut file, 4);
    }
    file.extend(note);
    file.extend(code);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(data: &[u8]) -> String {
        parse(data).unwrap_err().to_string()
    }

    #[test]
    fn kernels_of_both_classes_are_accepted() {
        let size = TRIPLE_FAULT.len() as u64;
        let expected = Image { entry: BASE.into(), loaded: size };
        assert_eq!(parse(&image(TRIPLE_FAULT)).unwrap(), expected);
        assert_eq!(parse(&tiny(32, EM_386.0, 18, BASE, TRIPLE_FAULT)).unwrap(), expected);
    }

    #[test]
    fn other_formats_are_named_in_refusals() {
        let mut linux = vec![0; 0x300];
        linux[..2].copy_from_slice(b"MZ");
        linux[0x202..0x206].copy_from_slice(b"HdrS");
        for (data, name) in [
            (&linux[..], "found a Linux bzImage, expected ELF; extract"),
            (b"\x1f\x8b\x08", "found gzip, expected ELF; unpack"),
            (b"MZ..", "found a PE program, expected ELF; link"),
            (b"", "found something else, expected ELF; give"),
        ] {
            assert!(refusal(data).contains(name), "{}", refusal(data));
        }
    }

    #[test]
    fn class_and_machine_must_fit() {
        let arm = tiny(64, 183, 18, BASE, TRIPLE_FAULT);
        assert!(
            refusal(&arm).starts_with("machine: found 183 in an ELF file of 64 bits, expected 62;")
        );
        let mixed = tiny(32, EM_X86_64.0, 18, BASE, TRIPLE_FAULT);
        assert!(
            refusal(&mixed).starts_with("machine: found 62 in an ELF file of 32 bits, expected 3;")
        );
        let mut odd = image(TRIPLE_FAULT);
        odd[4] = 3;
        assert!(refusal(&odd).starts_with("ELF class: found Some(3), expected 1"));
        odd[5] = 2;
        assert!(refusal(&odd).starts_with("byte order: found Some(2), expected 1"));
    }

    #[test]
    fn kernel_without_pvh_note_is_refused() {
        let pv = tiny(64, EM_X86_64.0, 6, BASE, TRIPLE_FAULT);
        let text = refusal(&pv);
        assert!(
            text.starts_with("entry point: found 1 notes of owner Xen, none of type 18"),
            "{text}"
        );
        assert!(text.contains("expected one; add"), "{text}");
        let program = check(&std::env::current_exe().unwrap()).unwrap_err();
        assert!(format!("{program:#}").contains("found 0 notes of owner Xen"), "{program:#}");
    }

    #[test]
    fn entry_outside_loaded_segments_is_refused() {
        let size = TRIPLE_FAULT.len() as u32;
        for entry in [BASE - 1, BASE + size, 0] {
            let text = refusal(&tiny(64, EM_X86_64.0, 18, entry, TRIPLE_FAULT));
            assert!(
                text.contains(&format!("found physical address {entry:#x}, expected one in")),
                "{text}"
            );
            assert!(text.contains("(0x100000..0x100009)"), "{text}");
        }
        assert!(parse(&tiny(64, EM_X86_64.0, 18, BASE + size - 1, TRIPLE_FAULT)).is_ok());
    }

    #[test]
    fn truncated_images_are_refused() {
        let whole = image(TRIPLE_FAULT);
        for len in 0..whole.len() - TRIPLE_FAULT.len() {
            assert!(parse(&whole[..len]).is_err(), "{len} bytes");
        }
    }
}
