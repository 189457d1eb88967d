//! Comparison with C of each structure that a typed operation passes to Xen, on x86-64 and on arm
//! from any host.
//!
//! `src/ops/layouts.rs` has the layouts as compile-time assertions. This test generates the file
//! again from the sources and from C's data, so that no structure in use is missing.

#[path = "../../../xen-sys/tests/abi/data.rs"]
mod data;
mod make;
#[path = "../../../xen-sys/tests/abi/scan.rs"]
mod scan;

use std::path::Path;

/// Returns the root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace")
}

#[test]
fn passed_structures_are_compared_with_c() {
    let (text, errors) = make::make(root());
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    let path = root().join("xen-hypercall/src/ops/layouts.rs");
    let found = std::fs::read_to_string(path).expect("the file can be read");
    assert!(found == text, "src/ops/layouts.rs is stale: `cargo xtask abi --bound` writes it");
}

#[test]
fn known_operations_are_seen() {
    // The names that a broken scan would lose first.
    let (text, _) = make::make(root());
    let arm = text.split("target_arch = \"aarch64\"").nth(1).expect("a section for arm");
    let arm = arm.split("#[cfg").next().expect("a section for arm");
    for line in [
        "xen_sys::domctl::XenDomctlCreatedomain: 72, 4 {",
        "xen_sys::domctl::XenDomctlGetdomaininfo: 120, 8 {",
        "xen_sys::xen::SharedInfo: 1088, 8 {",
        "xen_sys::xen::VcpuInfo: 48, 8 {",
    ] {
        assert!(arm.contains(line), "{line} is not among arm's");
    }
    assert!(text.matches(": ").count() > 190, "too few structures");
}
