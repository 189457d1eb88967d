//! Build script: links the kernel with the linker script of xen-guest.

fn main() {
    if let Ok(script) = std::env::var("DEP_XEN_GUEST_LINKER_SCRIPT") {
        println!("cargo::rustc-link-arg-bins=-T{script}");
        println!("cargo::rustc-link-arg-bins=--no-pie");
    }
}
