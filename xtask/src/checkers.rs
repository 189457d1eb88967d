//! The slow readers of code: every order of memory accesses (loom), and undefined behaviour (Miri).

use std::process::Command;

use anyhow::{Context, Result};

use crate::{host, mutants};

/// The packages whose unit tests Miri runs: those with unsafe code, and what is built on it
/// directly.
const MIRI_PACKAGES: [&str; 3] = ["xen-hypercall", "xen-grant", "xen-ring"];

/// Runs the models of rings, events, grants, the clock and parked vCPUs.
pub(crate) fn models() -> Result<()> {
    host::run(&mut mutants::models_of(host::root(), &host::target().join("loom")))
}

/// Runs unit tests under Miri, which is installed for the nightly toolchain if it is missing.
pub(crate) fn miri() -> Result<()> {
    let rustup = ["component", "add", "miri", "rust-src", "--toolchain", "nightly"];
    host::run(Command::new("rustup").args(rustup))
        .context("Miri is missing; run  rustup component add miri rust-src --toolchain nightly")?;
    // Through rustup, because the cargo that runs us is another toolchain's.
    let mut miri = Command::new("rustup");
    miri.args(["run", "nightly", "cargo", "miri", "test", "--quiet", "--lib"])
        .current_dir(host::root());
    MIRI_PACKAGES.iter().for_each(|package| {
        miri.args(["-p", package]);
    });
    miri.env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .env("CARGO_TARGET_DIR", host::target().join("miri"));
    // Hypercalls pass addresses as numbers; an access of shared memory is several of bytes that
    // follow each other, of which weak memory could show some of before and some of after a store;
    // a few random cases are enough for a check that is not about them.
    miri.env(
        "MIRIFLAGS",
        "-Zmiri-permissive-provenance -Zmiri-disable-isolation \
         -Zmiri-disable-weak-memory-emulation",
    )
    .env("PROPTEST_CASES", "2");
    host::run(&mut miri)
}
