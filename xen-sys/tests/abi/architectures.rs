//! Check that no general module uses a layout of one architecture.
//!
//! Only `by_architecture!` may use one, from the module of each target. A host compiles only one of
//! the two branches, so the text of the macro is compared.

use std::path::Path;

const MACRO: [&str; 4] = [
    "#[cfg(any(target_arch = \"aarch64\", target_arch = \"arm\"))]",
    "pub use crate::arch_arm::{$($item),+};",
    "#[cfg(not(any(target_arch = \"aarch64\", target_arch = \"arm\")))]",
    "pub use crate::arch_x86::{$($item),+};",
];

/// Returns the errors in the sources below a folder.
pub(crate) fn mixed(src: &Path) -> Vec<String> {
    let mut errors = Vec::new();
    folder(src, &mut errors);
    let text = std::fs::read_to_string(src.join("macros.rs")).expect("the macros can be read");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let branches: Vec<&[&str]> = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("#[cfg") && architecture(pair[1]))
        .collect();
    if branches.concat() != MACRO {
        errors.push(format!("macros.rs: by_architecture! has {branches:?}, expected {MACRO:?}"));
    }
    errors
}

fn folder(path: &Path, errors: &mut Vec<String>) {
    for entry in std::fs::read_dir(path).expect("the folder can be read").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with("arch_") {
                folder(&path, errors);
            }
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("the source can be read");
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if architecture(line) && !line.starts_with("//") && name != "macros.rs" {
                errors.push(format!(
                    "{}:{}: one architecture's: {line}",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
}

fn architecture(line: &str) -> bool {
    line.contains("arch_x86::") || line.contains("arch_arm::")
}
