#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod args;
pub mod command;
mod commands;
pub mod editor;
mod error;
mod management;
pub mod net;
pub mod parse;
mod shell;
mod system;
mod terminal;

pub use error::Error;
pub use shell::{Shell, Tally};
pub use system::{GuestKind, Kernel, Machine, Memory, System};
pub use terminal::{LineWriter, Mute, Terminal};

/// Keeps the porting guide's code compiling: this package depends on all crates that it uses.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/PORTING.md")]
struct PortingGuide;
