//! Comparison of xen-sys with Xen's public headers: their items in C, and the bound items.

mod bound;
#[path = "../../../xen-sys/tests/abi/coverage.rs"]
mod coverage;
#[path = "../../../xen-sys/tests/abi/data.rs"]
mod data;
mod describe;
mod dwarf;
#[path = "../../../xen-hypercall/tests/layouts/make.rs"]
mod layouts;
mod mutants;
#[path = "../../../xen-sys/tests/abi/scan.rs"]
mod scan;
mod scratch;
mod source;
mod swap;

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::host;
use crate::testbed::{self, Root};

/// The compared versions of Xen, and the suites of Debian that have them.
const VERSIONS: [(&str, &str); 2] = [("4.17", "bookworm"), ("4.20", "trixie")];

/// Options of `abi`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes only the list of what xen-sys binds; needs no headers
    #[arg(long)]
    bound: bool,
    /// Changes N random items of xen-sys, one at a time, and checks that the conformance test
    /// fails on each
    #[arg(long, value_name = "N", conflicts_with = "bound")]
    mutants: Option<usize>,
    /// Chooses other random items
    #[arg(long, default_value_t = 1, requires = "mutants")]
    seed: u64,
    /// Fails unless each comparison fails for each structure with the other architecture's layout
    #[arg(long, conflicts_with_all = ["bound", "mutants"])]
    swap: bool,
}

/// Fetches the newest of Xen's public headers that Debian has; returns the include folder.
pub(crate) fn newest_headers() -> Result<PathBuf> {
    headers(VERSIONS[VERSIONS.len() - 1].1)
}

/// Returns the folder of the libraries that belong to the newest headers.
pub(crate) fn newest_libraries() -> Result<PathBuf> {
    development(VERSIONS[VERSIONS.len() - 1].1)?.find("usr/lib/x86_64-linux-gnu")
}

fn headers(suite: &str) -> Result<PathBuf> {
    development(suite)?.find("usr/include")
}

fn development(suite: &str) -> Result<Root> {
    testbed::debian(suite, "xen-headers", &["libxen-dev"])
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let krate = host::root().join("xen-sys");
    if let Some(count) = args.mutants {
        return mutants::run(&krate, count, args.seed);
    }
    if args.swap {
        return swap::run();
    }
    if !args.bound {
        host::require(&[("gcc", "gcc"), ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")])?;
        for (version, suite) in VERSIONS {
            let include = headers(suite)?;
            describe::headers_known(&include)?;
            for target in describe::TARGETS {
                let text =
                    describe::describe(&include, version, target, &host::target().join("abi"))?;
                let path = krate.join(format!("abi/{version}-{}.txt", target.name));
                println!(
                    "{} ({} lines)",
                    path.strip_prefix(host::root()).unwrap_or(&path).display(),
                    text.lines().count()
                );
                fs::write(path, text)?;
            }
        }
    }
    let src = krate.join("src");
    let bound = scan::scan(&src)?;
    bound::write(&krate.join("tests/abi/bound"), &bound)?;
    println!("xen-sys/tests/abi/bound");
    let (text, errors) = layouts::make(host::root());
    fs::write(host::root().join("xen-hypercall/src/ops/layouts.rs"), text)?;
    println!("xen-hypercall/src/ops/layouts.rs");
    for error in &errors {
        println!("error: {error}");
    }
    let abis = data::Data::read_all(&krate.join("abi"));
    let left_out = data::Exceptions::read(&krate.join("abi/left-out.txt"));
    for (path, text) in coverage::stale(&src, &bound, &abis, &left_out) {
        println!("{}", path.strip_prefix(host::root()).unwrap_or(&path).display());
        fs::write(path, text)?;
    }
    Ok(i32::from(!errors.is_empty()))
}
