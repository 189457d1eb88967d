//! Check of the compiled hypercalls on arm64: the number in x16, the arguments in x0 to x4, and
//! nothing that is needed afterwards in a register that Xen may change.
//!
//! No arm64 machine is needed: the probe's few instructions are executed with symbols in the place
//! of numbers.

pub(crate) mod image;

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Message;

use crate::host;

const TARGET: &str = "aarch64-unknown-none";
const FUNCTION: &str = "three_hypercalls";
/// Arguments of the function, in its registers x0 to x5.
const CALLED_WITH: [&str; 6] = ["op", "a", "b", "c", "d", "e"];
/// Registers and contents at each hypercall.
const ABI: [(&str, &str); 6] =
    [("x16", "op"), ("x0", "a"), ("x1", "b"), ("x2", "c"), ("x3", "d"), ("x4", "e")];

/// Compiles the probe and checks it; returns how many hypercalls it has.
pub(crate) fn check() -> Result<usize> {
    host::require_target(TARGET)?;
    let mut cargo = Command::new(host::cargo());
    cargo.args(["build", "-p", "xen-hypercall", "--target", TARGET, "--message-format", "json"]);
    let messages = host::output(cargo.current_dir(host::root()))?;
    let library = Message::parse_stream(messages.as_bytes())
        .find_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == "xen_hypercall" => {
                artifact.filenames.into_iter().next()
            }
            _ => None,
        })
        .context("cargo names no library of xen-hypercall")?;

    let dir = host::target().join(TARGET).join("debug");
    let asm = dir.join("registers.s");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "--crate-type", "lib", "--emit", "asm", "--target", TARGET]);
    rustc.args(["-C", "opt-level=3", "-C", "panic=abort"]);
    rustc.arg("--extern").arg(format!("xen_hypercall={library}"));
    // Those of the crates, and those of the macros, which run on the host.
    for deps in [dir.join("deps"), host::target().join("debug/deps")] {
        rustc.arg("-L").arg(format!("dependency={}", deps.display()));
    }
    rustc.arg("-o").arg(&asm).arg(host::root().join("xtask/src/arm64/probe.rs"));
    host::run(&mut rustc)?;
    let asm =
        std::fs::read_to_string(&asm).with_context(|| format!("reading {}", asm.display()))?;
    execute(&asm)
}

/// Executes the function with symbols, and stands in for Xen as a debug build of it does: it checks
/// what it is called with, and leaves poison in every register that it may change.
fn execute(asm: &str) -> Result<usize> {
    let start = format!("{FUNCTION}:");
    let lines = asm.lines().map(str::trim).skip_while(|line| *line != start).skip(1);
    let mut registers: BTreeMap<String, String> = CALLED_WITH
        .iter()
        .enumerate()
        .map(|(i, name)| (format!("x{i}"), (*name).to_owned()))
        .collect();
    let mut calls = 0;
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['.', '/', '#'])) {
        let (instruction, operands) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let operands: Vec<_> = operands.split(',').map(str::trim).collect();
        let value = |register: &str| {
            registers
                .get(register)
                .cloned()
                .with_context(|| format!("`{line}` reads {register}, never set"))
        };
        match (instruction, operands.as_slice()) {
            ("mov", [to, from]) => {
                let value = value(from)?;
                registers.insert((*to).to_owned(), value);
            }
            ("add", [to, a, b]) => {
                // Sums are kept sorted, so that their order does not matter.
                let sum = format!("{} {}", value(a)?, value(b)?);
                let mut terms: Vec<_> = sum.split(' ').collect();
                terms.sort_unstable();
                registers.insert((*to).to_owned(), terms.join(" "));
            }
            ("hvc", [tag]) => {
                calls += 1;
                ensure!(tag.eq_ignore_ascii_case("#0xea1"), "hypercall {calls} has the tag {tag}");
                for (register, expected) in ABI {
                    let found = value(register)?;
                    ensure!(
                        found == expected,
                        "hypercall {calls} has {found} in {register}, not {expected}"
                    );
                }
                for (register, _) in ABI {
                    registers.insert(register.to_owned(), "poison".to_owned());
                }
                registers.insert("x0".to_owned(), format!("result{calls}"));
            }
            ("ret", _) => {
                let expected: Vec<_> = (1..=calls).map(|call| format!("result{call}")).collect();
                let found = value("x0")?;
                ensure!(calls > 0 && found == expected.join(" "), "the result is {found}");
                return Ok(calls);
            }
            _ => bail!("`{line}`: found an unknown instruction"),
        }
    }
    bail!("no whole function {FUNCTION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 25] = [
        "three_hypercalls:",
        "\t.cfi_startproc",
        "mov x8, x4",
        "mov x9, x3",
        "mov x10, x2",
        "mov x11, x1",
        "mov x12, x0",
        "mov x16, x0",
        "mov x0, x1",
        "mov x1, x2",
        "mov x2, x3",
        "mov x3, x4",
        "mov x4, x5",
        "//APP",
        "hvc #0xea1",
        "mov x13, x0",
        "mov x16, x12",
        "mov x0, x11",
        "mov x1, x10",
        "mov x2, x9",
        "mov x3, x8",
        "mov x4, x5",
        "hvc #0xea1",
        "add x0, x0, x13",
        "ret",
    ];

    #[test]
    fn good_code_passes() {
        assert_eq!(execute(&GOOD.join("\n")).unwrap(), 2);
    }

    #[test]
    fn each_move_is_needed() {
        let moves: Vec<_> = (0..GOOD.len()).filter(|&i| GOOD[i].starts_with("mov")).collect();
        for left_out in moves {
            let mut code = GOOD;
            code[left_out] = "";
            assert!(execute(&code.join("\n")).is_err(), "without `{}`", GOOD[left_out]);
        }
    }

    #[test]
    fn another_tag_order_or_instruction_fails() {
        let code = GOOD.join("\n");
        for (from, to) in
            [("#0xea1", "#0xea2"), ("mov x1, x2", "mov x1, x3"), ("ret", "b.eq"), ("hvc", "svc")]
        {
            assert!(execute(&code.replace(from, to)).is_err(), "{to}");
        }
    }
}
