//! Statements of the pages about tests and operations, compared with the sources.

mod adversarial;
mod architecture;
mod operations;
mod source;
mod status;
