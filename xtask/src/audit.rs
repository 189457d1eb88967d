//! Dependencies, spelling and packaging, checked with tools that take minutes to build.
//!
//! Continuous integration does not run them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::packages::{Packages, select};
use crate::steps::Steps;
use crate::tools::Tool;
use crate::{host, mutants, ui};

const DENY: Tool = Tool { package: "cargo-deny", version: "0.20.2", program: "cargo-deny" };
const MACHETE: Tool = Tool { package: "cargo-machete", version: "0.9.2", program: "cargo-machete" };
const TYPOS: Tool = Tool { package: "typos-cli", version: "1.52.0", program: "typos" };

/// Manifests of the workspaces.
const WORKSPACES: [&str; 3] = ["Cargo.toml", "fuzz/Cargo.toml", "models/Cargo.toml"];

/// Part of the message of `cargo deny` on a machine that cannot reach the database of advisories.
const NO_DATABASE: &str = "failed to fetch advisory database";

/// Another name for xen-sys.
const RENAMED: &str = "xen-sys-renamed";

pub(crate) fn main() -> Result<i32> {
    let started = Instant::now();
    let mut steps = Steps::default();
    for tool in [&DENY, &MACHETE, &TYPOS] {
        let name = format!("{} {}", tool.package, tool.version);
        steps.run(&name, || tool.install());
    }
    steps.run("cargo deny: bans, licences, sources", || {
        WORKSPACES.iter().try_for_each(|manifest| deny(manifest, &["bans", "licenses", "sources"]))
    });
    steps.optional("cargo deny: advisories", advisories);
    steps.run("cargo machete: unused dependencies", || {
        host::run(MACHETE.command().arg(".").current_dir(host::root()))
    });
    steps.run("typos", || host::run(TYPOS.command().args(["--format", "brief"])));
    steps.run("cargo publish --workspace --dry-run", || {
        let args = ["publish", "--workspace", "--dry-run", "--allow-dirty"];
        host::run(cargo(host::root()).args(args))
    });
    steps.run("xen-sys under another name", rename);
    Ok(steps.finish(started))
}

fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(folder);
    cargo
}

fn deny(manifest: &str, checks: &[&str]) -> Result<()> {
    let mut command = DENY.command();
    command.args(["--manifest-path", manifest, "--config", "deny.toml", "check"]);
    // One set of rules serves three workspaces, none of which needs all of it.
    for lint in ["license-not-encountered", "unmatched-skip", "unnecessary-skip"] {
        command.args(["--allow", lint]);
    }
    host::run(command.arg("--hide-inclusion-graph").args(checks))
}

/// Compares the lock files with the database of advisories; returns the reason where it is out of
/// reach.
fn advisories() -> Result<Option<String>> {
    for manifest in WORKSPACES {
        match deny(manifest, &["advisories"]) {
            Ok(()) => {}
            Err(error) if format!("{error:#}").contains(NO_DATABASE) => {
                return Ok(Some("the database of advisories is out of reach".to_owned()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Renames xen-sys in a copy of the tree by the command of CONTRIBUTING.md, and builds the crates
/// there.
fn rename() -> Result<()> {
    host::require(&[("sed", "sed")])?;
    let text = fs::read_to_string(host::root().join("CONTRIBUTING.md"))?;
    let command = rename_command(&text)?.replace("NEW-NAME", RENAMED);
    let copy = host::target().join("audit/renamed");
    mutants::copy_tree(&copy)?;
    host::run(Command::new("sh").args(["-c", &command]).current_dir(&copy))?;

    let packages = Packages::read()?;
    let names = packages.published().map(|library| library.name.as_str());
    let names = names.map(|name| if name == "xen-sys" { RENAMED } else { name });
    let mut check = cargo(&copy);
    check.args(["check", "--lib"]).args(select(names));
    host::run(check.arg("--target-dir").arg(host::target().join("audit/target")))?;
    for manifest in WORKSPACES {
        let mut metadata = cargo(&copy);
        metadata.args(["metadata", "--format-version", "1", "--manifest-path", manifest]);
        let found = host::output(&mut metadata)?;
        let old = "\"name\":\"xen-sys\"";
        ensure!(!found.contains(old), "{manifest} still has a package of the name xen-sys");
    }
    ui::line(format!("      the crates build with {RENAMED} for xen-sys"));
    Ok(())
}

/// Returns the command that renames xen-sys.
fn rename_command(contributing: &str) -> Result<&str> {
    let lines = contributing.lines().map(str::trim_start);
    let mut lines = lines.filter(|line| line.starts_with("sed "));
    match (lines.next(), lines.next()) {
        (Some(line), None) if line.contains("NEW-NAME") => Ok(line),
        _ => bail!("CONTRIBUTING.md has no single `sed` command that renames xen-sys"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rename_command_is_documented() {
        let text = fs::read_to_string(host::root().join("CONTRIBUTING.md")).unwrap();
        assert!(rename_command(&text).is_ok());
        assert!(rename_command("").is_err());
        assert!(rename_command("sed s/a/NEW-NAME/\nsed s/a/NEW-NAME/\n").is_err());
    }
}
