//! The two programs that are compared.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{abi, host, ui};

/// The same benchmarks in both languages: `program CASE ROUNDS`.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) rust: PathBuf,
    pub(super) c: PathBuf,
}

impl Programs {
    /// Returns both halves with their names.
    pub(super) fn both(&self) -> [(&'static str, &PathBuf); 2] {
        [("rust", &self.rust), ("c", &self.c)]
    }
}

/// Builds both with optimization, the C one against Xen's own headers and libraries.
pub(super) fn programs() -> Result<Programs> {
    host::require(&[("gcc", "gcc")])?;
    let include = abi::newest_headers()?;
    let spinner = ui::spinner("building the benchmarks");
    let folder = super::folder()?;
    let c = folder.join("bench-c");
    let sources = host::root().join("benches/c");
    let mut files: Vec<_> = std::fs::read_dir(&sources)
        .with_context(|| format!("reading {}", sources.display()))?
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    files.sort();
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread", "-isystem"])
        .arg(include);
    let libraries = abi::newest_libraries()?;
    let libraries = ["libxenstore.a", "libxentoolcore.a"].map(|name| libraries.join(name));
    host::run(gcc.args(files).args(libraries).arg("-o").arg(&c))?;
    let rust = release("xen-bench")?;
    spinner.finish_and_clear();
    Ok(Programs { rust, c })
}

/// Builds the program of the drivers.
pub(super) fn drivers() -> Result<PathBuf> {
    let spinner = ui::spinner("building the benchmarks of the drivers");
    let program = release("xen-driver-bench")?;
    spinner.finish_and_clear();
    Ok(program)
}

/// Builds the program of a package with optimization.
fn release(package: &str) -> Result<PathBuf> {
    host::run(
        Command::new(host::cargo())
            .args(["build", "--release", "--package", package])
            .current_dir(host::root()),
    )?;
    Ok(host::target().join("release").join(package))
}
