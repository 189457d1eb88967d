//! `cargo xtask stress`: many random scenarios in simulated worlds.

use std::process::Command;

use anyhow::{Context, Result};

use crate::host;

/// Test of `sim-shell/tests/stress.rs` that runs the scenarios.
const TEST: &str = "every_scenario_ends_clean";

/// Options of `stress`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of scenarios, one for each seed from 0 on
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// Runs this scenario alone, and prints its steps
    #[arg(long, conflicts_with = "count")]
    seed: Option<u64>,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(host::root());
    // Optimized, and compiled in a fraction of a release's time.
    cargo.args([
        "test",
        "--quiet",
        "--profile",
        "models",
        "--package",
        "xen-example-sim-shell",
        "--test",
        "stress",
    ]);
    cargo.args(["--", "--exact", TEST, "--nocapture"]);
    cargo.env_remove("SEED").env("SEEDS", args.count.to_string());
    if let Some(seed) = args.seed {
        cargo.env("SEED", seed.to_string());
    }
    let status = cargo.status().context("starting cargo")?;
    Ok(i32::from(!status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // A filter without a match runs nothing, and passes.
    #[test]
    fn named_test_exists() {
        let source = include_str!("../../examples/sim-shell/tests/stress.rs");
        assert!(source.contains(&format!("fn {TEST}()")));
    }
}
