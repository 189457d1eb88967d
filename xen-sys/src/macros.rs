//! Declares the two shapes that most numbers of the ABI take: open enumerations and flag words;
//! exports what depends on the architecture.

/// Exports items that every architecture has in a form of its own: those of the target. All are
/// compiled on every target, under [`crate::arch_x86`] and [`crate::arch_arm`], for the comparison
/// with C.
macro_rules! by_architecture {
    ($($item:ident),+ $(,)?) => {
        #[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
        pub use crate::arch_arm::{$($item),+};
        #[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
        pub use crate::arch_x86::{$($item),+};
    };
}

/// Declares a newtype for an enumeration on the wire. Every value is legal, the known ones have
/// names.
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

            /// Returns the name of a known value, without the prefix that its C name has.
            #[must_use]
            #[allow(unreachable_patterns, reason = "some values have two names; the first one is shown")]
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

/// Declares a flag word on the wire. Unknown bits are kept.
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
                // Peers may set bits that this version does not know.
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
