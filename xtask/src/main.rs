//! Builds, runs and tests the workspace.

mod abi;
mod arm64;
mod audit;
mod bench;
mod boots;
mod checkers;
mod checks;
mod conformance;
mod demo;
mod digest;
mod disks;
mod dom0less;
mod downstream;
mod driver;
mod fresh;
mod fuzz;
mod guest_log;
mod host;
mod hvm;
mod kernels;
mod mutants;
mod nets;
mod noxen;
mod packages;
mod payload;
mod prose;
mod pvh;
mod report;
mod selftest;
mod steps;
mod stress;
mod test;
mod testbed;
mod tools;
mod tty;
mod ui;
mod xen;
mod xentest;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds, runs and tests the Xen crates. Everything fetches what it needs by itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the kernels of examples/ and kernels/ into target/kernels/.
    Build(kernels::Args),
    /// Shows our shell as a guest of a simulated Xen, or of real Xen in an emulator: disk, network,
    /// xenstore.
    Demo(demo::Args),
    /// Checks the libraries in less than a minute: format, language, clippy, unit tests.
    Check(checks::Args),
    /// Checks dependencies, spelling and packaging with tools that it builds first, in minutes.
    Audit,
    /// Runs the host checks and the real-Xen tests.
    Test(test::Args),
    /// Runs random scenarios of a guest and its driver domain in a simulated Xen, and checks for
    /// leftovers.
    Stress(stress::Args),
    /// Boots a kernel as dom0 of real Xen, and as a guest, that calls all operations; checks the
    /// results.
    Selftest(selftest::Args),
    /// Compares xenstore servers, ours and Xen's, with the conformance suite, on this machine.
    Conformance(conformance::Args),
    /// Boots our driver domain on real Xen and has Linux guests use its disk and network.
    DriverDomain(driver::Args),
    /// Boots kernels of ours that Xen for Arm starts itself, without dom0 and beside it.
    Dom0less(dom0less::Args),
    /// Boots a kernel on real Xen that verifies each block of disks of Linux's and QEMU's backends.
    DiskTest(disks::Args),
    /// Boots a kernel on real Xen that verifies a network of Linux's backend, and Linux guests on
    /// ours.
    NetTest(nets::Args),
    /// Boots the shell on real Xen as an HVM guest with QEMU's device model.
    HvmTest(hvm::Args),
    /// Compares xen-sys with Xen's public headers, fetched and described by a C compiler.
    Abi(abi::Args),
    /// Compares the crates with C in instructions and time, and draws a picture of it.
    Bench(bench::Args),
    /// Installs what `ci` and the commands for developers need beyond Rust, gcc and Debian's own
    /// tools, by apt and rustup.
    Setup,
    /// Runs what continuous integration runs; installs what it needs, as `setup` does.
    Ci,
    /// Builds kernels outside the workspace that depend on all library crates, with cargo's first
    /// resolver, and checks the resolved crates.
    Downstream,
    /// Runs the README's commands in a minimal Debian root with gcc and Rust, and nothing else of
    /// this machine.
    Fresh(fresh::Args),
    /// Changes the crates in one place at a time, as a sample drawn by a seed, and shows which
    /// tests notice.
    Mutants(mutants::Args),
    /// Weakens each memory ordering in turn and shows that the models notice.
    MutantsOrdering(mutants::OrderingArgs),
    /// Runs the fuzz targets, a minute each: drivers and parsers against peers that do anything.
    Fuzz(fuzz::Args),
    /// Checks the language of docs, comments, texts and names, against a baseline.
    Prose(prose::Args),
    /// Boots real Xen in an emulator and runs a payload in dom0, or a kernel as dom0: for
    /// developers.
    #[command(subcommand)]
    Xen(xen::Command),
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_rustc() {
        return code;
    }
    let done: Result<i32> = match Cli::parse().command {
        Task::Build(args) => kernels::main(&args),
        Task::Demo(args) => demo::main(&args),
        Task::Check(args) => checks::main(&args),
        Task::Audit => audit::main(),
        Task::Test(args) => test::main(&args),
        Task::Stress(args) => stress::main(&args),
        Task::Selftest(args) => selftest::main(&args),
        Task::Conformance(args) => conformance::main(&args),
        Task::DriverDomain(args) => driver::main(&args),
        Task::Dom0less(args) => dom0less::main(&args),
        Task::DiskTest(args) => disks::main(&args),
        Task::NetTest(args) => nets::main(&args),
        Task::HvmTest(args) => hvm::main(&args),
        Task::Abi(args) => abi::main(&args),
        Task::Bench(args) => bench::main(&args),
        Task::Setup => host::setup().map(|()| 0),
        Task::Ci => test::ci(),
        Task::Fresh(args) => fresh::main(&args),
        Task::Downstream => test::downstream(),
        Task::Mutants(args) => mutants::main(&args),
        Task::MutantsOrdering(args) => mutants::ordering_main(&args),
        Task::Fuzz(args) => fuzz::main(&args),
        Task::Prose(args) => prose::main(&args),
        Task::Xen(command) => xen::main(&command),
    };
    match done {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("{} {error:#}", ui::red("error:"));
            ExitCode::FAILURE
        }
    }
}
