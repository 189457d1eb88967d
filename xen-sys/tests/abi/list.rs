//! Types of the lists in `bound`.

use crate::bound::LISTS;
use std::sync::LazyLock;

/// A constant's value.
pub(crate) struct ConstantValue {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) value: i128,
    pub(crate) bits: usize,
}

/// A constant that is a text: name, path, value.
pub(crate) type Text = (&'static str, &'static str, &'static str);

/// A structure's layout: name, start and end of each field.
pub(crate) struct StructureLayout {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) fields: Vec<(&'static str, usize, usize)>,
}

/// Items that a module binds.
pub(crate) struct List {
    pub(crate) constants: &'static [ConstantValue],
    pub(crate) texts: &'static [Text],
    /// A function for each structure: all in one function would fill the stack.
    pub(crate) structures: &'static [fn() -> StructureLayout],
}

macro_rules! list {
    (
        constants { $($name:literal => $value:expr;)* }
        texts { $($text:literal => $text_value:expr;)* }
        structures { $($structure:literal => $ty:path { $($field:literal => $ident:ident,)* };)* }
    ) => {
        pub(crate) const LIST: crate::list::List = crate::list::List {
            constants: &[$(crate::list::ConstantValue {
                name: $name,
                path: stringify!($value),
                value: $value as i128,
                bits: size_of_val(&$value) * 8,
            }),*],
            texts: &[$(($text, stringify!($text_value), $text_value)),*],
            structures: &[$(|| crate::list::StructureLayout {
                name: $structure,
                path: stringify!($ty),
                size: size_of::<$ty>(),
                align: align_of::<$ty>(),
                fields: vec![$({
                    let span = memoffset::span_of!($ty, $ident);
                    ($field, span.start, span.end)
                }),*],
            }),*],
        };
    };
}

pub(crate) use list;

/// Returns all constants that are numbers.
pub(crate) fn constants() -> impl Iterator<Item = &'static ConstantValue> {
    LISTS.iter().flat_map(|list| list.constants)
}

/// Returns all constants that are texts.
pub(crate) fn texts() -> impl Iterator<Item = &'static Text> {
    LISTS.iter().flat_map(|list| list.texts)
}

/// All structures.
pub(crate) static STRUCTURES: LazyLock<Vec<StructureLayout>> = LazyLock::new(|| {
    LISTS.iter().flat_map(|list| list.structures).map(|layout| layout()).collect()
});
