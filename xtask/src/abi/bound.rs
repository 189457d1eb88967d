//! Writes the list of what xen-sys binds, for its conformance test.

use std::fmt::Write as _;

use anyhow::Result;

use super::scan::Bound;

/// Returns the text of `xen-sys/tests/abi/bound.rs`.
pub(crate) fn text(bound: &Bound) -> Result<String> {
    let mut text = String::from(HEAD);
    text.push_str("constants! {\n");
    for constant in bound.constants.iter().filter(|constant| !constant.text) {
        writeln!(text, "    {:?} => {};", constant.name, constant.path)?;
    }
    text.push_str("}\n\ntexts! {\n");
    for constant in bound.constants.iter().filter(|constant| constant.text) {
        writeln!(text, "    {:?} => {};", constant.name, constant.path)?;
    }
    text.push_str("}\n\nstructures! {\n");
    for structure in &bound.structures {
        write!(text, "    {:?} => {} {{", structure.name, structure.path)?;
        for field in &structure.fields {
            write!(text, " {:?} => {},", field.name, field.ident)?;
        }
        text.push_str(" };\n");
    }
    text.push_str("}\n");
    Ok(text)
}

const HEAD: &str = r##"//! What xen-sys binds, by C name. Written by `cargo xtask abi --bound`; do not edit.

#![allow(unreachable_pub, reason = "a module of a test")]

use std::sync::LazyLock;

/// A constant's value.
pub struct ConstantValue {
    pub name: &'static str,
    pub path: &'static str,
    pub value: i128,
    pub bits: usize,
}

/// A structure's layout: name, start and end of each field.
pub struct StructureLayout {
    pub name: &'static str,
    pub path: &'static str,
    pub size: usize,
    pub align: usize,
    pub fields: Vec<(&'static str, usize, usize)>,
}

macro_rules! constants {
    ($($name:literal => $value:expr;)*) => {
        pub const CONSTANTS: &[ConstantValue] = &[$(ConstantValue {
            name: $name,
            path: stringify!($value),
            value: $value as i128,
            bits: size_of_val(&$value) * 8,
        }),*];
    };
}

macro_rules! texts {
    ($($name:literal => $value:expr;)*) => {
        pub const TEXTS: &[(&str, &str, &str)] = &[$(($name, stringify!($value), $value)),*];
    };
}

macro_rules! structures {
    ($($name:literal => $ty:path { $($field:literal => $ident:ident,)* };)*) => {
        pub static STRUCTURES: LazyLock<Vec<StructureLayout>> = LazyLock::new(|| {
            // A function for each: together they would fill the stack.
            let layouts: &[fn() -> StructureLayout] = &[$(|| StructureLayout {
                name: $name,
                path: stringify!($ty),
                size: size_of::<$ty>(),
                align: align_of::<$ty>(),
                fields: vec![$({
                    let span = memoffset::span_of!($ty, $ident);
                    ($field, span.start, span.end)
                }),*],
            }),*];
            layouts.iter().map(|layout| layout()).collect()
        });
    };
}

"##;
