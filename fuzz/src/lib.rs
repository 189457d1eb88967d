//! The targets as functions of bytes, so that a fuzzer and a test of the checked-in corpora run the
//! same code.

mod fixture;
mod input;
mod targets;

pub use targets::*;
