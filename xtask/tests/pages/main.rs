//! What the pages say of the tests, against the sources.

mod adversarial;
mod operations;
mod source;
mod status;
