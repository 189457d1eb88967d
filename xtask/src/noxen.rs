//! The shell on a machine without Xen: it runs without Xen's services, and reports that.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{host, testbed, ui};

/// Parts of lines that the shell prints there, in this order.
const EXPECTED: [&str; 8] = [
    "CPUID has no trace of Xen",
    "$ info",
    "no Xen",
    "memory 0x",
    "module 0x",
    "rsdp 0x",
    "$ xs read domid",
    "error: there is no xenstore",
];

/// Magic number of a multiboot header, which starts at a multiple of 4 bytes.
const MULTIBOOT: [u8; 4] = 0x1bad_b002_u32.to_le_bytes();
/// Part of a file that a loader searches for the header.
const SEARCHED: usize = 8192;

/// Boots the shell by QEMU's loaders: by multiboot, which QEMU prefers, and by PVH.
pub(crate) fn check(shell: &Path) -> Result<()> {
    let mut image = fs::read(shell).with_context(|| format!("reading {}", shell.display()))?;
    hide_multiboot(&mut image)?;
    let pvh = host::results()?.join("shell-pvh");
    fs::write(&pvh, image).with_context(|| format!("writing {}", pvh.display()))?;
    for (loader, kernel) in [("multiboot", shell), ("PVH", &pvh)] {
        let append = "run=\"info; xs read domid; help\"";
        let last = "done ";
        let lines = testbed::without_xen(kernel, append, shell, last, Duration::from_secs(120))?;
        let end = evaluate(&lines).with_context(|| format!("booted by {loader}"))?;
        ui::line(ui::dim(&format!("      without Xen, by {loader}: {end}")));
    }
    Ok(())
}

/// Changes the magic number of the multiboot header, so that a loader finds the PVH entry.
fn hide_multiboot(image: &mut [u8]) -> Result<()> {
    let words = image.chunks_exact_mut(4).take(SEARCHED / 4);
    let mut headers = words.filter(|word| **word == MULTIBOOT);
    let magic = headers.next().with_context(|| {
        format!("found no multiboot header in the first {SEARCHED} bytes, expected one")
    })?;
    magic.fill(0);
    Ok(())
}

/// Returns the last line, if the others are as expected.
fn evaluate(lines: &[String]) -> Result<&str> {
    let mut rest = lines.iter();
    for expected in EXPECTED {
        if !rest.any(|line| line.contains(expected)) {
            bail!("found\n  {}\nexpected a line with '{expected}'", lines.join("\n  "));
        }
    }
    let end = lines.last().map_or("", String::as_str);
    if end != "done OK=2 FAILED=1" {
        bail!("the commands: found '{end}', expected 'done OK=2 FAILED=1'");
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiboot_header_is_hidden() {
        let mut image = vec![1; 2 * SEARCHED];
        assert!(hide_multiboot(&mut image).is_err());
        image[SEARCHED..][..4].copy_from_slice(&MULTIBOOT);
        assert!(hide_multiboot(&mut image).is_err());
        image[4096..][..4].copy_from_slice(&MULTIBOOT);
        hide_multiboot(&mut image).unwrap();
        assert_eq!(image[4095..4101], [1, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn missing_line_is_named() {
        let mut lines = EXPECTED.map(|part| format!("{part} and more")).to_vec();
        lines.push("done OK=2 FAILED=1".to_owned());
        assert_eq!(evaluate(&lines).unwrap(), "done OK=2 FAILED=1");
        lines.swap(1, 2);
        let error = evaluate(&lines).unwrap_err().to_string();
        assert!(error.ends_with("expected a line with 'no Xen'"), "{error}");
        lines.swap(1, 2);
        lines.pop();
        assert!(evaluate(&lines).is_err());
    }
}
