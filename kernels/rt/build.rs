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
        // Each image relocates itself. One of x86 has the addresses of the link in place; one of
        // arm64 has none, and relocates pages that are read-only elsewhere.
        let is_arm = env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("aarch64");
        let mode: &[&str] =
            if is_arm { &["-znorelro", "-znotext"] } else { &["--apply-dynamic-relocs"] };
        println!("cargo::rustc-link-arg-bins=-pie");
        mode.iter().for_each(|mode| println!("cargo::rustc-link-arg-bins={mode}"));
    }
}
