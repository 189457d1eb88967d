//! The machine that xtask runs on: its tools, its processes.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::ui;

/// Returns the workspace's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Returns the cargo that runs this program.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Returns cargo's target folder.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Returns the folder of results of the real-Xen runs; creates it if missing.
pub(crate) fn results() -> Result<PathBuf> {
    let path = target().join("xen");
    fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
    Ok(path)
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

pub(crate) fn which(tool: &str) -> Option<PathBuf> {
    if Path::new(tool).is_absolute() {
        return Some(PathBuf::from(tool)).filter(|file| file.is_file());
    }
    // A user's PATH often lacks the sbin folders.
    let path = env::var_os("PATH")?;
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    which::which_in_global(tool, Some(env::join_paths(folders).ok()?)).ok()?.next()
}

/// A program (or the absolute path of a file) and the Debian package that it comes with.
pub(crate) type Tool = (&'static str, &'static str);

/// Tools of the commands that neither Rust nor the testbed's own packages bring. `demo` and `test`
/// need those only that every Debian machine with gcc has.
const TOOLS: [Tool; 13] = [
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
    ("tar", "tar"),
    ("setpriv", "util-linux"),
    ("taskset", "util-linux"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("chroot", "coreutils"),
    ("gcc", "gcc"),
    ("/usr/include/stdio.h", "libc6-dev"),
    ("c++", "g++"),
    ("git", "git"),
];

/// Checks that host tools exist. Installs nothing: the error is one line with the command that
/// does.
pub(crate) fn require(tools: &[Tool]) -> Result<()> {
    let lacking = missing(tools, |tool| which(tool).is_some());
    if lacking.is_empty() {
        return Ok(());
    }
    let names = lacking.iter().map(|t| t.0).collect::<Vec<_>>().join(", ");
    if which("apt-get").is_none() {
        bail!(
            "missing {names} and apt-get: the testbed needs an x86-64 machine with Debian or a \
             derivative"
        );
    }
    bail!("missing {names}; run  {}", install_line(&lacking, is_root()));
}

/// Installs what all commands need, as the user asked for by `cargo xtask setup` or `ci`.
pub(crate) fn setup() -> Result<()> {
    let lacking = missing(&TOOLS, |tool| which(tool).is_some());
    if !lacking.is_empty() {
        if !is_root() {
            return require(&TOOLS);
        }
        let line = install_line(&lacking, true);
        ui::line(&line);
        run(Command::new("sh").arg("-c").arg(&line).env("DEBIAN_FRONTEND", "noninteractive"))?;
        require(&TOOLS)?;
    }
    require_components(&COMPONENTS)?;
    [crate::kernels::TARGET, "aarch64-unknown-none"].into_iter().try_for_each(require_target)
}

fn missing(tools: &[Tool], exists: impl Fn(&str) -> bool) -> Vec<Tool> {
    tools.iter().filter(|(tool, _)| !exists(tool)).copied().collect()
}

/// Returns the command line that installs the packages of `tools`.
fn install_line(tools: &[Tool], root: bool) -> String {
    let mut packages: Vec<_> = tools.iter().map(|t| t.1).collect();
    packages.sort_unstable();
    packages.dedup();
    let sudo = if root { "" } else { "sudo " };
    let packages = packages.join(" ");
    format!("{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {packages}")
}

/// Makes sure that the Rust target is there. Rustup adds it to the toolchain, which is the user's
/// own.
pub(crate) fn require_target(target: &str) -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir() {
        return Ok(());
    }
    ui::line(format!("adding the Rust target {target}"));
    rustup(&["target", "add", target])
}

/// The parts of a Rust toolchain that rustup's minimal profile leaves out.
pub(crate) const COMPONENTS: [&str; 2] = ["clippy", "rustfmt"];

/// Makes sure that parts of the Rust toolchain are there, as [`require_target`] does.
pub(crate) fn require_components(components: &[&str]) -> Result<()> {
    for component in components {
        let command = if *component == "rustfmt" { "fmt" } else { component };
        let mut probe = Command::new(cargo());
        if run(probe.args([command, "--version"]).current_dir(root())).is_ok() {
            continue;
        }
        ui::line(format!("adding the Rust component {component}"));
        rustup(&["component", "add", component])?;
    }
    Ok(())
}

fn rustup(args: &[&str]) -> Result<()> {
    run(Command::new("rustup").args(args).current_dir(root()))
        .with_context(|| format!("a part of Rust is missing; run  rustup {}", args.join(" ")))
}

/// Runs a command without showing its output; on failure the error carries it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs a command and returns its standard output; on failure the error carries both streams.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("starting {name}"))?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        let line = describe(command);
        bail!("{line}: {}\n{text}{}", done.status, String::from_utf8_lossy(&done.stderr));
    }
    Ok(text)
}

/// Returns the command as text for a shell.
pub(crate) fn describe(command: &Command) -> String {
    let args = command.get_args().map(OsStr::to_string_lossy);
    std::iter::once(command.get_program().to_string_lossy())
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [Tool; 3] =
        [("taskset", "util-linux"), ("setpriv", "util-linux"), ("c++", "g++")];

    #[test]
    fn missing_tools_are_one_line() {
        let lacking = missing(&WANTED, |_| false);
        let packages = "apt-get install -y --no-install-recommends g++ util-linux";
        assert_eq!(install_line(&lacking, true), format!("apt-get update && {packages}"));
        assert_eq!(
            install_line(&lacking, false),
            format!("sudo apt-get update && sudo {packages}")
        );
        assert_eq!(missing(&WANTED, |tool| tool != "c++"), [("c++", "g++")]);
    }

    #[test]
    fn missing_tool_installs_nothing() {
        let error = require(&[("no-such-tool", "no-such-package")]).unwrap_err().to_string();
        assert!(error.starts_with("missing no-such-tool"), "{error}");
        assert!(!error.contains('\n') && which("no-such-tool").is_none(), "{error}");
    }
}
