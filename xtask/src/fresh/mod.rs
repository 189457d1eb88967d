//! `cargo xtask fresh`: the README's commands on a machine with only Debian's essential packages,
//! apt, gcc and Rust.
//!
//! The machine is a root file system in new namespaces. It has copies of the host's Rust toolchain,
//! tree and downloaded archives (crates and packages, nothing unpacked or built), and the host's
//! network variables. The commands run there as an unprivileged user.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use crate::{host, mutants, testbed, ui};

const ENTER: &str = include_str!("enter.sh");
const BOOTSTRAP: &str = include_str!("bootstrap.sh");

/// Packages of the machine: Debian's essential packages by their pattern, and those of the README.
const PACKAGES: [&str; 6] =
    ["?essential", "usr-is-merged", "apt", "gcc", "libc6-dev", "ca-certificates"];

/// User of the machine.
const USER: u32 = 1000;
const HOME: &str = "home/user";
const TREE: &str = "home/user/xen";

/// Variables of the host's network access.
const NETWORK: [&str; 4] =
    ["CURL_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "XEN_TESTBED_MIRROR"];

/// Prefixes of further network variables.
const PREFIXES: [&str; 6] = [
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "RUSTUP_DIST_",
    "RUSTUP_UPDATE_",
];

/// Parts of a Rust toolchain that no build reads.
const UNREAD: &str = "share";

/// Programs of a toolchain that rustup replaces.
const PROXIES: [&str; 7] =
    ["cargo", "cargo-clippy", "cargo-fmt", "clippy-driver", "rustc", "rustdoc", "rustfmt"];

/// Variables that make builds smaller.
const SMALL: [&str; 2] = ["CARGO_PROFILE_DEV_DEBUG=0", "CARGO_PROFILE_RELEASE_DEBUG=0"];

/// Variables that make the builds of the quick form faster.
const QUICK: [&str; 2] =
    ["CARGO_PROFILE_RELEASE_LTO=off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16"];

/// Options of `fresh`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs the demonstration whole, but of `test` only the preparation of the real-Xen tests
    #[arg(long)]
    quick: bool,
    /// Release of Debian that the machine has
    #[arg(long, default_value = "bookworm")]
    suite: String,
    /// Keeps the machine's root in target/fresh
    #[arg(long)]
    keep: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    match run(args, &mut |line| ui::line(format!("  | {line}")))? {
        None => {
            ui::line(format!("{} the README's commands on a fresh machine", ui::green("ok")));
            Ok(0)
        }
        Some(reason) => bail!("not run: {reason}"),
    }
}

/// Runs the quick form and keeps its output for the error; returns the reason if it cannot run
/// here.
pub(crate) fn quick() -> Result<Option<String>> {
    let mut output = String::new();
    let args = Args { quick: true, suite: "bookworm".to_owned(), keep: false };
    let done = run(&args, &mut |line| {
        output += line;
        output.push('\n');
    });
    done.with_context(|| output.trim_end().to_owned())
}

fn run(args: &Args, show: &mut dyn FnMut(&str)) -> Result<Option<String>> {
    let readme =
        fs::read_to_string(host::root().join("README.md")).context("reading the README")?;
    let commands = commands(&readme, args.quick)?;
    host::require(&[
        ("setpriv", "util-linux"),
        ("unshare", "util-linux"),
        ("mount", "mount"),
        ("chroot", "coreutils"),
    ])?;
    let namespace = match Namespace::find()? {
        Ok(namespace) => namespace,
        Err(reason) => return Ok(Some(reason)),
    };
    let folder = host::target().join("fresh");
    let lock = fs::File::create(host::target().join("fresh.lock"))?;
    lock.lock().context("locking target/fresh.lock")?;
    let machine = Machine { root: folder.join("root"), namespace };
    machine.remove(&folder)?;
    fs::create_dir_all(&folder)?;

    let done = machine.run(args, &commands, show);
    if !args.keep {
        machine.remove(&folder)?;
    }
    done.map(|()| None)
}

/// Returns the commands that the README names for any Debian machine: the block with the
/// demonstration on real Xen.
fn commands(readme: &str, quick: bool) -> Result<Vec<String>> {
    let blocks = readme.split("```").skip(1).step_by(2);
    let mut blocks = blocks.filter(|block| block.contains("cargo xtask demo --on xen"));
    let block =
        blocks.next().context("the README has no block with `cargo xtask demo --on xen`")?;
    let command = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let mut commands: Vec<_> =
        block.lines().skip(1).map(command).filter(|line| !line.is_empty()).collect();
    ensure!(
        commands.iter().any(|command| command == "cargo xtask test"),
        "the README has no `cargo xtask test`"
    );
    for command in commands.iter_mut().filter(|command| quick && *command == "cargo xtask test") {
        *command += " --prepare";
    }
    Ok(commands)
}

/// Command that creates namespaces: as root, or as a user with subordinate IDs.
struct Namespace(&'static [&'static str]);

impl Namespace {
    const FORMS: [&'static [&'static str]; 2] = [&[], &["--user", "--map-root-user", "--map-auto"]];

    /// Returns the form that works here; if none does, the reason.
    fn find() -> Result<Result<Namespace, String>> {
        let probe = tempfile::tempdir()?;
        let form = Namespace(Namespace::FORMS[usize::from(!host::is_root())]);
        let mounts = "mount -t proc proc \"$0\" && mount -t tmpfs tmpfs \"$0\"";
        let done = form.command().args(["sh", "-c", mounts]).arg(probe.path()).output()?;
        if done.status.success() {
            return Ok(Ok(form));
        }
        let error = String::from_utf8_lossy(&done.stderr);
        let error = error.lines().next().unwrap_or("unshare failed").to_owned();
        let needs = "needs root, or user namespaces with subordinate ids (package uidmap)";
        Ok(Err(format!("{needs}: {error}")))
    }

    /// Returns what a command is appended to, to be run in new namespaces.
    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        // The machine ends with this process, however it ends.
        command.args(["--pdeathsig", "KILL", "--", "unshare"]).args(self.0);
        command.args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "--",
        ]);
        command
    }
}

struct Machine {
    root: PathBuf,
    namespace: Namespace,
}

impl Machine {
    /// Makes the root and runs the commands in it.
    fn run(&self, args: &Args, commands: &[String], show: &mut dyn FnMut(&str)) -> Result<()> {
        let suite = &args.suite;
        let spinner = ui::spinner(&format!("a minimal Debian {suite}"));
        let built = self.build(suite, show);
        spinner.finish_and_clear();
        built.with_context(|| format!("building a minimal Debian {suite}"))?;
        for command in commands {
            show(&format!("$ {command}"));
            let started = Instant::now();
            let spinner = ui::spinner(&format!("on a fresh machine: {command}"));
            let done = self.user(command, if args.quick { &QUICK } else { &[] }, show);
            spinner.finish_and_clear();
            done.with_context(|| format!("on a fresh machine: {command}"))?;
            show(&format!("{:.0} s", started.elapsed().as_secs_f32()));
        }
        Ok(())
    }

    /// Makes the root: packages, the user, the tree, and what is shared of the host.
    fn build(&self, suite: &str, show: &mut dyn FnMut(&str)) -> Result<()> {
        let debs = testbed::minimal(suite, &PACKAGES, &self.root)?;
        copy(&debs, &self.root.join("packages"))?;
        fs::write(self.root.join("bootstrap"), BOOTSTRAP)?;
        let mut output = String::new();
        let mut keep = |line: &str| {
            output += line;
            output.push('\n');
        };
        let done = self.enter(0, &["/bin/sh", "/bootstrap"].map(str::to_owned), &mut keep);
        done.with_context(|| output)?;
        fs::remove_file(self.root.join("bootstrap"))?;
        show(&format!("Debian {suite}: {} packages", fs::read_dir(&debs)?.count()));

        for (file, line) in [
            ("etc/passwd", format!("user:x:{USER}:{USER}::/{HOME}:/bin/sh\n")),
            ("etc/group", format!("user:x:{USER}:\n")),
        ] {
            fs::OpenOptions::new()
                .append(true)
                .open(self.root.join(file))?
                .write_all(line.as_bytes())?;
        }
        fs::create_dir_all(self.root.join(HOME))?;
        self.network(suite)?;
        mutants::copy_tree(&self.root.join(TREE))?;
        let cargo = home("CARGO_HOME", ".cargo");
        for shared in ["config.toml", "config", "registry/index", "registry/cache"] {
            if let Some(from) =
                cargo.as_ref().map(|cargo| cargo.join(shared)).filter(|from| from.exists())
            {
                copy(&from, &self.root.join(HOME).join(".cargo").join(shared))?;
            }
        }
        self.rust()?;
        // Downloaded, not unpacked: a root of the host's cache would hide what unpacking needs.
        let archives = testbed::downloads()?;
        if archives.exists() {
            copy(&archives, &self.root.join(HOME).join(".cache/xen-testbed").join("archives"))?;
        }
        let mine = format!("chown -R {USER}:{USER} /{HOME}");
        self.enter(0, &["/bin/sh", "-c", &mine].map(str::to_owned), show)
    }

    /// Copies the Rust toolchain of the host, with rustup where the host has it, which can add
    /// parts to the copy.
    fn rust(&self) -> Result<()> {
        let mut print = Command::new("rustc");
        let sysroot = host::output(print.args(["--print", "sysroot"]).current_dir(host::root()))?;
        let sysroot = Path::new(sysroot.trim());
        let name =
            sysroot.file_name().context("a Rust toolchain without a name")?.to_string_lossy();
        let (bin, rustup) =
            (self.root.join(HOME).join(".cargo/bin"), self.root.join(HOME).join(".rustup"));
        let copied = rustup.join("toolchains").join(&*name);
        for part in fs::read_dir(sysroot)?.collect::<Result<Vec<_>, _>>()? {
            if part.file_name() != UNREAD {
                copy(&part.path(), &copied.join(part.file_name()))?;
            }
        }
        let host_rustup = home("CARGO_HOME", ".cargo").map(|cargo| cargo.join("bin/rustup"));
        if let Some(program) = host_rustup.filter(|program| program.is_file()) {
            copy(&program, &bin.join("rustup"))?;
            PROXIES.iter().try_for_each(|proxy| symlink("rustup", bin.join(proxy)))?;
            let settings = format!(
                "version = \"12\"\ndefault_toolchain = \"{name}\"\nprofile = \"minimal\"\n"
            );
            fs::write(rustup.join("settings.toml"), settings)?;
        } else {
            fs::create_dir_all(self.root.join(HOME).join(".cargo"))?;
            symlink(format!("/{HOME}/.rustup/toolchains/{name}/bin"), &bin)?;
        }
        Ok(())
    }

    /// Copies how the host reaches the network: names, certificates, apt's mirror and transport.
    fn network(&self, suite: &str) -> Result<()> {
        let certificates = "/etc/ssl/certs/ca-certificates.crt";
        let named = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "CARGO_HTTP_CAINFO"];
        let named = named.iter().filter_map(env::var_os).map(PathBuf::from);
        let files = ["/etc/resolv.conf", "/etc/hosts", certificates].map(PathBuf::from);
        for file in
            files.into_iter().chain(named).filter(|file| file.is_absolute() && file.is_file())
        {
            let to = self.root.join(file.strip_prefix("/")?);
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(&file, &to).with_context(|| format!("copying {}", file.display()))?;
        }
        let acquire = host::output(Command::new("apt-config").args(["dump", "Acquire"]))?;
        fs::write(self.root.join("etc/apt/apt.conf.d/90network"), acquire)?;
        let source = format!("deb {} {suite} main\n", testbed::mirror()?);
        fs::write(self.root.join("etc/apt/sources.list"), source)?;
        Ok(())
    }

    /// Runs a command as the user, in the tree.
    fn user(&self, command: &str, variables: &[&str], show: &mut dyn FnMut(&str)) -> Result<()> {
        let mut args =
            ["/usr/bin/env", "-i", "LANG=C.UTF-8", "USER=user"].map(str::to_owned).to_vec();
        args.push(format!("HOME=/{HOME}"));
        args.push(format!("PATH=/{HOME}/.cargo/bin:/usr/local/bin:/usr/bin:/bin"));
        args.extend(
            env::vars()
                .filter(|(name, _)| is_network(name))
                .map(|(name, value)| format!("{name}={value}")),
        );
        args.extend(SMALL.iter().chain(variables).map(|&variable| variable.to_owned()));
        args.extend(["/bin/sh", "-c"].map(str::to_owned));
        args.push(format!("cd /{TREE} && exec {command}"));
        self.enter(USER, &args, show)
    }

    /// Runs a command in the root, as a user, in namespaces in which the root is complete.
    fn enter(&self, user: u32, args: &[String], show: &mut dyn FnMut(&str)) -> Result<()> {
        let mut command = self.namespace.command();
        command.args(["sh", "-c", ENTER, "sh"]).arg(&self.root).arg(format!("{user}:{user}"));
        command.args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting unshare")?;
        let stdout = child.stdout.take().context("no output")?;
        for line in BufReader::new(stdout).split(b'\n') {
            show(String::from_utf8_lossy(&line?).trim_end());
        }
        // All but the entry itself writes to the output.
        let done = child.wait_with_output()?;
        let errors = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "{} {}", done.status, errors.trim());
        Ok(())
    }

    /// Removes a folder of the machine, whose files may have other owners than this process.
    fn remove(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            host::run(
                self.namespace.command().args(["rm", "-rf", "--one-file-system", "--"]).arg(folder),
            )?;
        }
        Ok(())
    }
}

/// Returns whether a variable says how the network is reached.
fn is_network(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("_proxy")
        || PREFIXES.iter().any(|known| name.starts_with(known))
        || NETWORK.contains(&name)
}

/// Returns the folder that a variable names, or one in the user's home.
fn home(variable: &str, default: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    named.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(default)))
}

/// Copies a file or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    host::run(Command::new("cp").arg("-RT").arg(from).arg(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_has_two_commands_on_xen() {
        let readme = fs::read_to_string(host::root().join("README.md")).unwrap();
        let whole = commands(&readme, false).unwrap();
        assert_eq!(whole, ["cargo xtask demo --on xen", "cargo xtask test"]);
        let quick = commands(&readme, true).unwrap();
        assert_eq!(quick, ["cargo xtask demo --on xen", "cargo xtask test --prepare"]);
    }

    #[test]
    fn readme_without_commands_is_an_error() {
        assert!(commands("```sh\ncargo xtask demo\n```\n", false).is_err());
        assert!(commands("```sh\ncargo xtask demo --on xen # real\n```\n", false).is_err());
    }

    #[test]
    fn network_variables_are_forwarded() {
        for name in [
            "https_proxy",
            "HTTP_PROXY",
            "CARGO_HTTP_CAINFO",
            "CARGO_REGISTRIES_X_INDEX",
            "SSL_CERT_FILE",
        ] {
            assert!(is_network(name), "{name}");
        }
        for name in ["PATH", "CARGO_TARGET_DIR", "CARGO", "RUSTUP_HOME", "SSL_CERT_FILE_X"] {
            assert!(!is_network(name), "{name}");
        }
    }
}
