//! A kernel outside the workspace that depends on all library crates, resolved by cargo's first
//! resolver, which unifies the features of all targets and of dev-dependencies.
//!
//! The workspace itself cannot show what a user resolves: its resolver is newer, and its lock file
//! has the packages of tests and tools too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::host;
use crate::packages::Library;

/// Features that need a host; all others are for kernels.
const HOSTED: [&str; 2] = ["std", "hook"];

/// Packages for tests of the crates, which no user resolves.
const TESTS_ONLY: [&str; 2] = ["loom", "proptest"];

/// Lines of an end of the device in `downstream/device`, which is a protocol only.
const MAX_LINES: usize = 150;

/// Builds kernels that depend on `libraries`, for each of `targets`, and checks the resolved
/// dependencies; `simulator` is the crate for their tests.
pub(crate) fn check(libraries: &[Library], simulator: &[Library], targets: &[&str]) -> Result<()> {
    for (name, all) in [("default", false), ("features", true)] {
        let folder = lay_out(name, &manifest(libraries, simulator, all))?;
        for target in targets {
            cargo(&folder, &["build", "--target", target])
                .with_context(|| format!("a kernel with resolver 1, {name}, {target}"))?;
        }
        let lock =
            fs::read_to_string(folder.join("Cargo.lock")).context("reading the lock file")?;
        let wrong = unwanted(&lock);
        ensure!(wrong.is_empty(), "a user's lock file has {}", wrong.join(", "));
        for target in targets {
            let tree =
                ["tree", "--edges", "normal,features", "--prefix", "none", "--target", target];
            let tree = cargo(&folder, &tree)?;
            let wrong = hosted_features(&tree);
            ensure!(wrong.is_empty(), "a kernel for {target} gets {}", wrong.join(", "));
        }
    }
    Ok(())
}

/// Checks the device of CONTRIBUTING.md with clippy, runs its tests, and checks the length of its
/// ends.
///
/// The crate has the workspace's lock file, as the kernel has.
pub(crate) fn check_device() -> Result<()> {
    let folder = host::root().join("downstream/device");
    for end in ["front.rs", "back.rs"] {
        let path = folder.join("src").join(end);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let lines = text.lines().count();
        ensure!(lines <= MAX_LINES, "{end}: found {lines} lines, expected {MAX_LINES} at most");
    }
    fs::copy(host::root().join("Cargo.lock"), folder.join("Cargo.lock"))
        .context("copying the lock file")?;
    for args in [&["clippy", "--all-targets", "--", "-D", "warnings"][..], &["test"]] {
        let mut cargo = Command::new(host::cargo());
        cargo.args(args).current_dir(&folder).env("CARGO_TARGET_DIR", host::target());
        host::run(&mut cargo)?;
    }
    Ok(())
}

/// Writes the manifest of a kernel that depends on all libraries, with all features that kernels
/// can use or with the default ones.
fn manifest(libraries: &[Library], simulator: &[Library], all: bool) -> String {
    let mut text = String::from(
        "[package]\nname = \"downstream\"\nversion = \"0.0.0\"\nedition = \"2018\"\n\
         resolver = \"1\"\n\n[workspace]\n\n[profile.dev]\ndebug = 0\n\n[dependencies]\n",
    );
    let path = |library: &Library| format!("path = {:?}", library.folder.display().to_string());
    for library in libraries {
        let features: Vec<_> = library
            .features
            .iter()
            .filter(|feature| all && !HOSTED.contains(&feature.as_str()))
            .collect();
        text += &format!("{} = {{ {}, features = {features:?} }}\n", library.name, path(library));
    }
    text += "\n[dev-dependencies]\n";
    for library in simulator {
        text += &format!("{} = {{ {} }}\n", library.name, path(library));
    }
    text
}

/// Lays the kernel out in the target folder, with the workspace's lock file, so that versions are
/// the tested ones; cargo removes from it what the kernel does not resolve.
fn lay_out(name: &str, manifest: &str) -> Result<PathBuf> {
    let folder = host::target().join("downstream").join(name);
    let source = folder.join("src");
    fs::create_dir_all(&source).with_context(|| format!("making {}", source.display()))?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(source.join("lib.rs"), "#![no_std]\n")?;
    fs::copy(host::root().join("Cargo.lock"), folder.join("Cargo.lock"))
        .context("copying the lock file")?;
    Ok(folder)
}

/// Runs cargo on the kernel, with a target folder that its forms share.
fn cargo(folder: &Path, args: &[&str]) -> Result<String> {
    let mut cargo = Command::new(host::cargo());
    cargo.args(args).current_dir(folder);
    cargo.env("CARGO_TARGET_DIR", host::target().join("downstream/target"));
    host::output(&mut cargo)
}

/// Returns the packages of a lock file that are for tests of the crates only.
fn unwanted(lock: &str) -> Vec<&str> {
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    names.filter(|name| TESTS_ONLY.contains(name)).collect()
}

/// Returns the features `std` in the output of `cargo tree --edges features`, as `package feature
/// "std"`.
fn hosted_features(tree: &str) -> Vec<&str> {
    tree.lines().filter(|line| line.contains(" feature \"std\"")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_file_with_loom_is_refused() {
        let lock = "[[package]]\nname = \"log\"\nversion = \"1\"\n\n[[package]]\nname = \"loom\"\n";
        assert_eq!(unwanted(lock), ["loom"]);
        assert!(unwanted(&lock.replace("loom", "zerocopy")).is_empty());
    }

    #[test]
    fn kernel_with_log_std_is_refused() {
        let tree = "downstream v0.0.0\nlog feature \"default\"\nlog feature \"std\"\nlog v0.4.28\n";
        assert_eq!(hosted_features(tree), ["log feature \"std\""]);
    }

    #[test]
    fn manifest_leaves_hosted_features_out() {
        let library = |name: &str, features: &[&str]| Library {
            name: name.to_owned(),
            folder: Path::new("/r").join(name),
            features: features.iter().copied().map(str::to_owned).collect(),
        };
        let libraries = [library("xen-x", &["alloc", "std", "hook"])];
        let text = manifest(&libraries, &[library("xen-sim", &[])], true);
        assert!(text.contains("xen-x = { path = \"/r/xen-x\", features = [\"alloc\"] }"), "{text}");
        assert!(text.contains("resolver = \"1\""), "{text}");
        assert!(
            text.ends_with("[dev-dependencies]\nxen-sim = { path = \"/r/xen-sim\" }\n"),
            "{text}"
        );
        assert!(manifest(&libraries, &[], false).contains("features = []"));
    }
}
