//! arm64 Images: the flat file that Xen and QEMU load, made of the linker's ELF file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::Endianness;
use object::elf::{EM_AARCH64, FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

/// Offset and bytes of the magic value.
const MAGIC: (usize, &[u8]) = (0x38, b"ARM\x64");
/// Offset of the size in memory.
const SIZE: usize = 0x10;

/// Converts the kernel in ELF form at `elf` to the flat file that it is loaded as.
pub(crate) fn convert(elf: &Path) -> Result<Vec<u8>> {
    let data = fs::read(elf).with_context(|| format!("reading {}", elf.display()))?;
    let image = flatten(&data).with_context(|| format!("{} is no arm64 kernel", elf.display()))?;
    parse(&image)?;
    Ok(image)
}

/// Checks the Image in a file; returns its size.
pub(crate) fn check(image: &Path) -> Result<u64> {
    let data = fs::read(image).with_context(|| format!("reading {}", image.display()))?;
    parse(&data).with_context(|| format!("{} is no arm64 Image", image.display()))
}

fn flatten(data: &[u8]) -> Result<Vec<u8>> {
    let header = FileHeader64::<Endianness>::parse(data).context("the ELF header")?;
    let endian = header.endian()?;
    let machine = header.e_machine(endian);
    ensure!(machine == EM_AARCH64, "machine: found {}, expected {}", machine.0, EM_AARCH64.0);
    let mut image = Vec::new();
    let segments = header.program_headers(endian, data).context("the program headers")?;
    for segment in segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD) {
        let content = segment.data(endian, data).ok().context("a segment beyond the file")?;
        let start = usize::try_from(segment.p_paddr(endian))?;
        ensure!(start >= image.len(), "segment at {start:#x}: it overlaps the one before");
        if !content.is_empty() {
            image.resize(start, 0);
            image.extend_from_slice(content);
        }
    }
    Ok(image)
}

fn parse(image: &[u8]) -> Result<u64> {
    let magic = image.get(MAGIC.0..).and_then(|rest| rest.get(..MAGIC.1.len()));
    if magic != Some(MAGIC.1) {
        let hint = if image.starts_with(b"\x7fELF") {
            "an ELF file; `cargo xtask build --arch arm64` makes an Image of it"
        } else {
            "another file"
        };
        bail!("header: found {hint}, expected the magic value of an arm64 Image");
    }
    let size = image.get(SIZE..SIZE + 8).and_then(|size| size.try_into().ok());
    let size = u64::from_le_bytes(size.context("a whole header")?);
    let length = image.len() as u64;
    ensure!(size >= length, "size in memory: found {size}, expected at least {length}");
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(size: u64) -> Vec<u8> {
        let mut image = vec![0; 0x80];
        image[MAGIC.0..][..4].copy_from_slice(MAGIC.1);
        image[SIZE..][..8].copy_from_slice(&size.to_le_bytes());
        image
    }

    #[test]
    fn image_has_magic_and_size() {
        assert_eq!(parse(&image(0x80)).unwrap(), 0x80);
        assert!(parse(&image(0x7f)).is_err());
        assert!(parse(&[0; 0x80]).is_err());
        assert!(parse(b"\x7fELF").unwrap_err().to_string().contains("an ELF file"));
    }
}
