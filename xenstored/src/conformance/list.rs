//! Notation of cases.

use super::client::{Check, Client};

/// Rights that a case needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Any,
    /// The control domain.
    Control,
    /// A domain without privileges.
    Guest,
}

pub(super) struct Case<H: xen_store::Runtime, T: xen_store::connection::Transport> {
    pub(super) who: Who,
    pub(super) name: &'static str,
    pub(super) run: fn(&mut Client<'_, H, T>) -> Check,
}

macro_rules! who {
    (any) => {
        crate::conformance::list::Who::Any
    };
    (control) => {
        crate::conformance::list::Who::Control
    };
    (guest) => {
        crate::conformance::list::Who::Guest
    };
}
pub(super) use who;

macro_rules! cases {
    ($list:ident; $($who:ident $name:literal, |$c:ident| $run:expr;)*) => {
        pub(super) struct $list;

        impl $list {
            pub(super) fn each<H: Runtime, T: Transport>(visit: &mut dyn FnMut(&Case<H, T>)) {
                $(visit(&Case {
                    who: crate::conformance::list::who!($who),
                    name: $name,
                    run: |$c| $run,
                });)*
            }
        }
    };
}
pub(super) use cases;
