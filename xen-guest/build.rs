//! Build script: passes the path of the linker script to the build scripts of dependents.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=pvh.ld");
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    // A dependent's build script finds it as DEP_XEN_GUEST_LINKER_SCRIPT.
    println!("cargo::metadata=LINKER_SCRIPT={folder}/pvh.ld");
}
