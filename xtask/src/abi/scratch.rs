//! Copy of a few crates in a workspace of their own, for changes of their sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};

use crate::host;

/// The copy.
pub(super) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Copies `crates` to a folder of the target folder; compiled files of an earlier copy stay.
    pub(super) fn new(name: &str, crates: &[&str]) -> Result<Self> {
        let root = host::target().join(name);
        for krate in crates {
            let copy = root.join(krate);
            if copy.exists() {
                fs::remove_dir_all(&copy)?;
            }
            copy_folder(&host::root().join(krate), &copy)?;
        }
        let manifest = fs::read_to_string(host::root().join("Cargo.toml"))?;
        fs::write(root.join("Cargo.toml"), alone(&manifest, crates))?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of a file within the copy.
    pub(super) fn name<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// Runs cargo in the copy.
    pub(super) fn cargo(&self, args: &[&str]) -> Result<Output> {
        Command::new(host::cargo())
            .args(args)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", self.root.join("target"))
            .stdin(Stdio::null())
            .output()
            .context("cargo does not start")
    }

    /// Compares xen-sys with C.
    pub(super) fn compare(&self) -> Result<Output> {
        self.cargo(&["test", "-q", "-p", "xen-sys", "--test", "abi"])
    }

    /// Fails if the comparison fails, as it must pass before any change.
    pub(super) fn require_pass(&self) -> Result<()> {
        ensure!(
            self.compare()?.status.success(),
            "the test fails before any change; `cargo test -p xen-sys --test abi` says why"
        );
        Ok(())
    }
}

/// Returns the workspace's manifest with `crates` as its only members.
fn alone(manifest: &str, crates: &[&str]) -> String {
    let mut text = String::new();
    let mut members = false;
    for line in manifest.lines() {
        if line.starts_with("members = [") {
            members = true;
            text.push_str(&format!("members = {crates:?}\n"));
        }
        if line.starts_with("[profile") {
            break;
        }
        let other = line.contains("path = ") && !crates.iter().any(|krate| line.starts_with(krate));
        if !members && !other {
            text.push_str(line);
            text.push('\n');
        }
        if members && line.ends_with(']') {
            members = false;
        }
    }
    text
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_keeps_crates_of_the_copy() {
        let manifest = "[workspace]\nmembers = [\n    \"a\",\n    \"b\",\n]\n\
                        [workspace.dependencies]\na = { path = \"a\" }\nb = { path = \"b\" }\n\
                        c = \"1\"\n[profile.release]\nlto = \"fat\"\n";
        assert_eq!(
            alone(manifest, &["a"]),
            "[workspace]\nmembers = [\"a\"]\n[workspace.dependencies]\na = { path = \"a\" }\n\
             c = \"1\"\n"
        );
    }
}
