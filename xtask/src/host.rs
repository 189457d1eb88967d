//! The machine that xtask runs on: its tools, its processes.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::ui;

/// The workspace's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The cargo that runs us.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The folder of results of the real-Xen runs, made if missing.
pub(crate) fn results() -> Result<PathBuf> {
    let path = target().join("xen");
    fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
    Ok(path)
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

pub(crate) fn which(tool: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // A user's PATH often lacks the sbin folders.
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|d| d.join(tool))
        .find(|p| p.is_file())
}

/// Makes sure that host tools exist: pairs of a tool (or the absolute path of a file) and its Debian package.
/// Missing ones are installed at once by root; anybody else is told the one line that does it.
pub(crate) fn require(tools: &[(&str, &str)]) -> Result<()> {
    let missing = || -> Vec<_> { tools.iter().filter(|(tool, _)| which(tool).is_none()).copied().collect() };
    let lacking = missing();
    if lacking.is_empty() {
        return Ok(());
    }
    let names = lacking.iter().map(|t| t.0).collect::<Vec<_>>().join(", ");
    let packages: Vec<_> = lacking.iter().map(|t| t.1).collect();
    let install = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if which("apt-get").is_none() {
        bail!("missing {names}, and no apt-get here: the lab needs a Debian (or Debian-like) x86-64 machine");
    }
    if !is_root() {
        bail!("missing {names}; run  sudo apt-get update && sudo {install}");
    }
    ui::line(format!("installing {}", packages.join(" ")));
    run(Command::new("apt-get").args(["-qq", "update"]))?;
    run(Command::new("sh").arg("-c").arg(&install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    if let Some((tool, package)) = missing().first() {
        bail!("{tool} is still missing after the installation of {package}");
    }
    Ok(())
}

/// Makes sure that the Rust target is installed.
pub(crate) fn require_target(target: &str) -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir() {
        return Ok(());
    }
    ui::line(format!("adding the Rust target {target}"));
    let add = ["target", "add", target];
    run(Command::new("rustup").args(add).current_dir(root()))
        .with_context(|| format!("the Rust target {target} is missing; run  rustup target add {target}"))
}

/// Runs a command with its output kept back; on failure the error carries it.
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

/// The command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let args = command.get_args().map(OsStr::to_string_lossy);
    std::iter::once(command.get_program().to_string_lossy()).chain(args).collect::<Vec<_>>().join(" ")
}
