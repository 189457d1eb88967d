//! Programs from crates.io, installed once into the target folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{host, ui};

/// A program of a crate on crates.io.
pub(crate) struct Tool {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) program: &'static str,
}

/// Settings under which the tools build in a part of the time and run fast enough.
const QUICK: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ("CARGO_PROFILE_RELEASE_STRIP", "true"),
];

impl Tool {
    /// Installs the program unless this version of it is there.
    pub(crate) fn install(&self) -> Result<()> {
        let installed = fs::read_to_string(folder().join(".crates.toml")).unwrap_or_default();
        if self.program().exists() && self.is_listed(&installed) {
            return Ok(());
        }
        let spinner = ui::spinner(&format!("building {} {}", self.package, self.version));
        let mut install = Command::new(host::cargo());
        install.args(["install", "--locked", "--force", "--root"]).arg(folder());
        install.arg("--target-dir").arg(folder().join("build")).envs(QUICK);
        install.arg(format!("{}@{}", self.package, self.version));
        let done = host::run(install.current_dir(host::root()));
        spinner.finish_and_clear();
        done
    }

    /// Returns whether cargo's list of installed packages has this version.
    fn is_listed(&self, installed: &str) -> bool {
        let entry = format!("\"{} {} (", self.package, self.version);
        installed.lines().any(|line| line.starts_with(&entry))
    }

    fn program(&self) -> PathBuf {
        programs().join(self.program)
    }

    /// Returns a command line of the program, in the workspace's root.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.program());
        command.current_dir(host::root());
        command
    }
}

fn folder() -> PathBuf {
    host::target().join("tools")
}

/// Returns the folder of the programs.
pub(crate) fn programs() -> PathBuf {
    folder().join("bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_version_is_installed() {
        let tool = Tool { package: "typos-cli", version: "1.52.0", program: "typos" };
        let list = |version| format!("[v1]\n\"typos-cli {version} (registry+x)\" = [\"typos\"]\n");
        assert!(tool.is_listed(&list("1.52.0")));
        assert!(!tool.is_listed(&list("1.5.0")));
        assert!(!tool.is_listed(&list("1.52.0").replace("typos-cli", "typos")));
    }
}
