//! Macros for open enumerations, flag words, identifiers and architecture-specific items.

/// Exports the target's form of items that each architecture defines. All forms are compiled on
/// every target, under [`crate::arch_x86`] and [`crate::arch_arm`], for the comparison with C.
macro_rules! by_architecture {
    ($($item:ident),+ $(,)?) => {
        #[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
        pub use crate::arch_arm::{$($item),+};
        #[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
        pub use crate::arch_x86::{$($item),+};
    };
}

/// Declares a newtype for an enumeration of the ABI. Every value is legal; some have names.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident($repr:ty) {
            $($(#[$const_meta:meta])* $konst:ident = $value:expr;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
        )]
        #[repr(transparent)]
        $vis struct $name(pub $repr);

        impl $name {
            $($(#[$const_meta])* pub const $konst: Self = Self($value);)*

            /// Returns the name of a value without the prefix of its C name.
            #[must_use]
            #[allow(unreachable_patterns, reason = "some values have two names: the first is used")]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$konst => Some(stringify!($konst)),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{name} ({})", self.0),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, concat!(stringify!($name), "::{}"), name),
                    None => write!(f, concat!(stringify!($name), "({})"), self.0),
                }
            }
        }
    };
}

/// Declares a newtype for flags of the ABI. Bits without a name are kept.
macro_rules! flags {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident($repr:ty) {
            $($(#[$($const_meta:tt)*])* $konst:ident = $value:expr;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, Hash,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
        )]
        #[repr(transparent)]
        $vis struct $name(pub $repr);

        bitflags::bitflags! {
            impl $name: $repr {
                $($(#[$($const_meta)*])* const $konst = $value;)*
                // A peer may set bits without a name in this version.
                const _ = !0;
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                bitflags::parser::to_writer(self, &mut *f)?;
                f.write_str(")")
            }
        }
    };
}

/// Declares a newtype for an identifier.
macro_rules! ident {
    ($(#[$meta:meta])* $vis:vis struct $name:ident($repr:ty);) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
        )]
        #[repr(transparent)]
        $vis struct $name(pub $repr);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
