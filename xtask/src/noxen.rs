//! The shell on a machine without Xen: it runs without Xen's services, and reports that.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::{testbed, ui};

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

/// Boots the shell by QEMU's PVH loader.
pub(crate) fn check(shell: &Path) -> Result<()> {
    let append = "run=\"info; xs read domid; help\"";
    let last = "done ";
    let lines = testbed::without_xen(shell, append, shell, last, Duration::from_secs(120))?;
    let end = evaluate(&lines)?;
    ui::line(ui::dim(&format!("      without Xen: {end}")));
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
