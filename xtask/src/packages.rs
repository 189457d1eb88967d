//! The workspace's packages by what is checked of them.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::host;

/// The feature of examples that are kernels, which do not link for a host.
const KERNEL: &str = "kernel";

/// A published crate.
#[derive(Debug)]
pub(crate) struct Library {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// All features but `default`.
    pub(crate) features: Vec<String>,
}

impl Library {
    fn new(package: &Package) -> Library {
        let features = package.features.keys().filter(|feature| *feature != "default");
        Library {
            name: package.name.to_string(),
            folder: package.manifest_path.parent().map(Into::into).unwrap_or_default(),
            features: features.cloned().collect(),
        }
    }
}

/// The workspace's packages.
#[derive(Default)]
pub(crate) struct Packages {
    /// Published crates without `std`.
    pub(crate) libraries: Vec<Library>,
    /// Published crates for hosts.
    pub(crate) hosted: Vec<Library>,
    /// Examples and tools.
    pub(crate) others: Vec<String>,
    /// Examples that are kernels.
    pub(crate) kernels: Vec<String>,
}

impl Packages {
    pub(crate) fn read() -> Result<Packages> {
        let mut found = Packages::default();
        for package in &metadata()?.packages {
            let no_std = package.categories.iter().any(|category| category == "no-std");
            match is_published(package) {
                true if no_std => found.libraries.push(Library::new(package)),
                true => found.hosted.push(Library::new(package)),
                false => found.others.push(package.name.to_string()),
            }
            if package.features.contains_key(KERNEL) {
                found.kernels.push(package.name.to_string());
            }
        }
        ensure!(!found.libraries.is_empty(), "no library crates in the workspace");
        Ok(found)
    }

    /// Iterates over the crates that are published.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Library> {
        self.libraries.iter().chain(&self.hosted)
    }
}

/// Reads the workspace's manifests.
fn metadata() -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.cargo_path(host::cargo()).current_dir(host::root());
    Ok(command.no_deps().exec()?)
}

/// Returns whether a package may be published; `publish = false` is an empty list of registries.
fn is_published(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

/// Names the packages on a command line of cargo.
pub(crate) fn select<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    names.into_iter().flat_map(|name| ["--package".to_owned(), name.to_owned()]).collect()
}
