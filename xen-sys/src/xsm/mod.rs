//! The security module.

pub mod flask_op;
