//! Build script: passes the path of the linker script to the build scripts of dependents.

use std::env;

fn main() {
    let is_arm = env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("aarch64");
    let script = if is_arm { "arm64.ld" } else { "pvh.ld" };
    println!("cargo::rerun-if-changed={script}");
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    // A dependent's build script finds it as DEP_XEN_GUEST_LINKER_SCRIPT.
    println!("cargo::metadata=LINKER_SCRIPT={folder}/{script}");
}
