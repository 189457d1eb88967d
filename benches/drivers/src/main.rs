//! One benchmark of a frontend and a backend in the simulator: `xen-driver-bench CASE ROUNDS`.
//!
//! `cargo xtask bench` counts the instructions of the library crates in it. It is a package of its
//! own because the simulator enables a feature of `xen-hypercall` that makes shared memory slower.

mod block;
mod many;
mod net;
mod testbed;

use std::env;
use std::process::ExitCode;

/// Result of a case's rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Requests, packets or connections.
    units: u64,
    /// Events that the guest sent, to the backend and to xenstored.
    notifications: u64,
}

/// A name and a function that runs a number of rounds.
type Case = (&'static str, fn(u64) -> Outcome);

const CASES: [Case; 13] = [
    ("block/read/1", |rounds| block::read(rounds, 1)),
    ("block/read/32", |rounds| block::read(rounds, 32)),
    ("block/of/1", |rounds| many::read(rounds, 1)),
    ("block/of/100", |rounds| many::read(rounds, 100)),
    ("block/of/1000", |rounds| many::read(rounds, 1000)),
    ("block/connect", block::connect),
    ("net/out/1", |rounds| net::out(rounds, 1)),
    ("net/out/32", |rounds| net::out(rounds, 32)),
    ("net/in/1", |rounds| net::receive(rounds, 1)),
    ("net/in/32", |rounds| net::receive(rounds, 32)),
    ("net/queues/1", |rounds| net::queues(rounds, 1)),
    ("net/queues/4", |rounds| net::queues(rounds, 4)),
    ("net/connect", net::connect),
];

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let case = args.next().and_then(|name| CASES.iter().find(|case| case.0 == name));
    let rounds = args.next().and_then(|rounds| rounds.parse().ok());
    let (Some((_, run)), Some(rounds)) = (case, rounds) else {
        let names = CASES.map(|case| case.0);
        eprintln!("usage: xen-driver-bench CASE ROUNDS, with CASE one of {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    let Outcome { units, notifications } = run(rounds);
    println!("units={units} notifications={notifications}");
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_counts_its_units() {
        for (name, run) in CASES {
            let (one, three) = (run(1), run(3));
            assert!(one.units > 0 && three.units == 3 * one.units, "{name}: {one:?} {three:?}");
            assert!(!name.ends_with("connect") || three.notifications == 3 * one.notifications);
        }
    }
}
