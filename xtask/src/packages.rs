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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Returns what a manifest lacks for publication.
    fn missing(package: &Package) -> Vec<&'static str> {
        let docs_rs = &package.metadata["docs"]["rs"];
        let folder = package.manifest_path.parent().unwrap();
        let same = |file: &str| {
            let own = fs::read(folder.join(file)).unwrap_or_default();
            own == fs::read(host::root().join(file)).unwrap()
        };
        [
            ("description", package.description.is_some()),
            ("readme", package.readme.as_ref().is_some_and(|file| folder.join(file).exists())),
            ("license", package.license.is_some()),
            ("LICENSE-MIT", same("LICENSE-MIT")),
            ("LICENSE-APACHE", same("LICENSE-APACHE")),
            // Empty until the workspace has an address, but inherited.
            ("repository", package.repository.is_some()),
            ("rust-version", package.rust_version.is_some()),
            ("1 to 5 keywords", (1..=5).contains(&package.keywords.len())),
            ("1 to 5 categories", (1..=5).contains(&package.categories.len())),
            ("package.metadata.docs.rs", docs_rs["all-features"] == true),
        ]
        .iter()
        .filter_map(|(name, is_there)| (!is_there).then_some(*name))
        .collect()
    }

    #[test]
    fn published_packages_are_complete() {
        let packages = metadata().unwrap().packages;
        let published = packages.iter().filter(|package| is_published(package));
        for package in published.clone() {
            assert_eq!(missing(package), [""; 0], "{}", package.name);
        }
        assert!(published.count() >= 9);
    }

    #[test]
    fn incomplete_package_is_reported() {
        let packages = metadata().unwrap().packages;
        let tool = packages.iter().find(|package| package.name == "xtask").unwrap();
        let missing = missing(tool);
        assert!(missing.contains(&"LICENSE-MIT") && missing.contains(&"readme"), "{missing:?}");
    }
}
