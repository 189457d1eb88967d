//! The report of a real-Xen run: our shell's size and boot time beside Linux's.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use crate::host;
use crate::testbed::{Arch, XenVersion};

/// Measurements of one run.
pub(crate) struct Report {
    pub(crate) arch: Arch,
    pub(crate) xen: XenVersion,
    /// Bytes that are loaded.
    pub(crate) shell_size: u64,
    /// Bytes of the compressed kernel and of the initramfs.
    pub(crate) linux_size: u64,
    /// Seconds by name; more than one where something was measured repeatedly.
    pub(crate) figures: BTreeMap<String, Vec<f64>>,
    /// Seconds that the whole boot took.
    pub(crate) elapsed: f64,
}

impl Report {
    /// Returns the median of a figure.
    fn figure(&self, name: &str) -> Option<f64> {
        let mut values = self.figures.get(name)?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    fn title(&self) -> String {
        match self.arch {
            Arch::X86_64 => format!("Xen {}", self.xen),
            Arch::Arm64 => format!("Xen {} {}", self.xen, self.arch),
        }
    }

    /// Returns the name of the file.
    fn name(&self) -> String {
        match self.arch {
            Arch::X86_64 => format!("report-{}.json", self.xen),
            Arch::Arm64 => format!("report-{}-{}.json", self.xen, self.arch),
        }
    }

    pub(crate) fn table(&self) -> String {
        let seconds =
            |name| self.figure(name).map_or("not measured".to_owned(), |v| format!("{v:.2} s"));
        let size = |bytes: u64| format!("{} KiB", bytes.div_ceil(1024));
        let shell_runs = self.figures.get("shell.first_line").map_or(0, Vec::len);
        let rows = [
            (self.title(), "our shell".to_owned(), "Linux".to_owned()),
            ("kernel image".to_owned(), size(self.shell_size), size(self.linux_size)),
            ("xl create returns".to_owned(), seconds("shell.created"), seconds("linux.created")),
            (
                "first console line".to_owned(),
                seconds("shell.first_line"),
                seconds("linux.first_line"),
            ),
            ("user space".to_owned(), "-".to_owned(), seconds("linux.user_space")),
        ];
        let mut text: String = rows
            .iter()
            .map(|(name, ours, linux)| format!("  {name:<20}{ours:>14}{linux:>14}\n"))
            .collect();
        text += &format!(
            "  (emulated; from xl create on; the shell's is the median of {shell_runs} boots)"
        );
        text
    }

    /// Writes `target/xen/report-VERSION.json`.
    pub(crate) fn save(&self) -> Result<PathBuf> {
        let path = host::results()?.join(self.name());
        let value = json!({
            "xen": self.xen.to_string(),
            "arch": self.arch.to_string(),
            "elapsed_s": self.elapsed,
            "shell": {
                "image_bytes": self.shell_size,
                "created_s": self.figure("shell.created"),
                "first_line_s": self.figure("shell.first_line"),
                "boots": self.figures.get("shell.first_line"),
            },
            "linux": {
                "image_bytes": self.linux_size,
                "created_s": self.figure("linux.created"),
                "first_line_s": self.figure("linux.first_line"),
                "user_space_s": self.figure("linux.user_space"),
            },
        });
        fs::write(&path, format!("{value:#}\n"))
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}
