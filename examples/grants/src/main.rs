//! The example as a program.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    xen_example_grants::run(&mut std::io::stdout())
}
