//! Build script: passes the linker script of xen-guest to this package's kernels, and to the build
//! scripts of packages that depend on this one.

use std::env;

fn main() {
    let Ok(script) = env::var("DEP_XEN_GUEST_LINKER_SCRIPT") else { return };
    // A dependent's build script finds it as DEP_XEN_KERNEL_RT_LINKER_SCRIPT.
    println!("cargo::metadata=LINKER_SCRIPT={script}");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        println!("cargo::rerun-if-changed={script}");
        println!("cargo::rustc-link-arg-bins=-T{script}");
        // The target's default is a position-independent executable, which a loader would have to
        // relocate. Xen loads a kernel at the addresses that it was linked for.
        println!("cargo::rustc-link-arg-bins=-pie");
        println!("cargo::rustc-link-arg-bins=--apply-dynamic-relocs");
    }
}
