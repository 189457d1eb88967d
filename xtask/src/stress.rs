//! `cargo xtask stress`: many random scenarios in simulated worlds.

use std::process::Command;

use anyhow::{Context, Result};

use crate::host;

/// A test of `sim-shell` that runs scenarios.
struct Stress {
    /// Its file or folder in `sim-shell/tests`.
    target: &'static str,
    test: &'static str,
    /// The variable that has the count.
    count: &'static str,
    default: u64,
}

/// All devices of a guest: one scenario for each count.
const ALL: Stress =
    Stress { target: "stress", test: "every_scenario_ends_clean", count: "SEEDS", default: 10_000 };

/// A disk whose content is compared with a model: one request for each count.
const BLOCK: Stress = Stress {
    target: "block_stress",
    test: "every_block_is_as_acknowledged",
    count: "IOS",
    default: 1_000_000,
};

/// A network interface whose packets are compared with what was sent: one packet for each count.
const NET: Stress = Stress {
    target: "net_stress",
    test: "every_packet_arrives_as_sent",
    count: "PACKETS",
    default: 1_000_000,
};

/// Options of `stress`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Verifies each sector of a disk: requests in flight across suspend, migration, restart of the
    /// backend, resize, unplug and changes of its features
    #[arg(long)]
    block: bool,
    /// Verifies each packet of a network interface, in both directions: numbered packets across
    /// suspend, migration, restart of the backend, unplug and changes of its features
    #[arg(long, conflicts_with = "block")]
    net: bool,
    /// Number of scenarios, one for each seed from 0 on (10,000 without it); with --block the
    /// number of verified requests, with --net that of packets (1,000,000)
    #[arg(long)]
    count: Option<u64>,
    /// Runs this scenario alone, and prints its steps
    #[arg(long, conflicts_with = "count")]
    seed: Option<u64>,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let Stress { target, test, count, default } = match args {
        Args { block: true, .. } => BLOCK,
        Args { net: true, .. } => NET,
        _ => ALL,
    };
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(host::root());
    // Optimized, and compiled in a fraction of a release's time.
    cargo.args(["test", "--quiet", "--profile", "models"]);
    cargo.args(["--package", "xen-example-sim-shell", "--test", target]);
    cargo.args(["--", "--exact", test, "--nocapture"]);
    cargo.env_remove("SEED").env(count, args.count.unwrap_or(default).to_string());
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
    fn named_tests_exist() {
        for (Stress { test, .. }, source) in [
            (ALL, include_str!("../../examples/sim-shell/tests/stress.rs")),
            (BLOCK, include_str!("../../examples/sim-shell/tests/block_stress/main.rs")),
            (NET, include_str!("../../examples/sim-shell/tests/net_stress/main.rs")),
        ] {
            assert!(source.contains(&format!("fn {test}()")));
        }
    }
}
