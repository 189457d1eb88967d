//! Build script: passes the linker script to this package's kernels, and to the build scripts of
//! packages that depend on this one.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=kernel.ld");
    let script = format!("{}/kernel.ld", env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    // Seen by a dependent's build script as DEP_XEN_KERNEL_RT_LINKER_SCRIPT.
    println!("cargo::metadata=LINKER_SCRIPT={script}");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        println!("cargo::rustc-link-arg-bins=-T{script}");
        // The target's default is a position-independent executable, which a loader would have to
        // relocate. Xen loads a kernel where it was linked to be.
        println!("cargo::rustc-link-arg-bins=--no-pie");
    }
}
