//! One benchmark, `xen-bench CASE ROUNDS`, with its figures as output.

use std::env;
use std::process::ExitCode;
use xen_bench::{Outcome, cases};

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let case = args.next().and_then(|name| cases().find(|case| case.name == name));
    let rounds = args.next().and_then(|rounds| rounds.parse().ok());
    let (Some(case), Some(rounds)) = (case, rounds) else {
        let names: Vec<_> = cases().map(|case| case.name).collect();
        eprintln!("usage: xen-bench CASE ROUNDS, with CASE one of {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    let Outcome { units, notifications, nanoseconds, allocations } = (case.run)(rounds);
    println!(
        "units={units} notifications={notifications} nanoseconds={nanoseconds} \
         allocations={allocations}"
    );
    ExitCode::SUCCESS
}
