//! Debian packages without installation: a private apt state per suite, packages unpacked into
//! roots of the cache.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fmt, fs, thread};

use anyhow::{Context, Result, bail};

use super::temp::Temp;
use super::{Arch, Lock, Root, cache};
use crate::digest::Digest;
use crate::{host, ui};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const TRIES: u32 = 4;

/// Version of the format of roots, incremented when the same packages give another root.
const FORM: u32 = 2;

/// Maximum time without progress of a download; apt's own limit for a silent mirror is shorter.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Files that no run of the testbed reads: most of the kernel package, documentation, device nodes.
const LEFT_OUT: [&str; 12] = [
    "./dev",
    "./usr/share/doc",
    "./usr/share/man",
    "./usr/share/locale",
    "./usr/share/info",
    "./usr/lib/debug",
    "*/kernel/drivers/gpu",
    "*/kernel/drivers/media",
    "*/kernel/drivers/net/wireless",
    "*/kernel/drivers/net/ethernet",
    "*/kernel/sound",
    FILE_SYSTEMS,
];

/// The kernel's file systems, which guests need but no dom0; without those that begin with `c`,
/// because the module `null_blk` needs `configfs`.
const FILE_SYSTEMS: &str = "*/kernel/fs/[!c]*";

/// A release of Debian for one architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite<'a> {
    pub(super) name: &'a str,
    pub(super) arch: Arch,
}

impl fmt::Display for Suite<'_> {
    /// Names the folders of the cache: those of x86-64 have the name of the release alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.arch {
            Arch::X86_64 => f.write_str(self.name),
            Arch::Arm64 => write!(f, "{}-arm64", self.name),
        }
    }
}

/// Returns a root into which `packages` of `suite` and all dependencies are unpacked.
pub(super) fn root(suite: Suite<'_>, name: &str, packages: &[&str]) -> Result<Root> {
    root_without(suite, name, packages, &LEFT_OUT)
}

/// Returns a root as [`root`] does, with the kernel's file systems.
pub(super) fn root_with_filesystems(
    suite: Suite<'_>,
    name: &str,
    packages: &[&str],
) -> Result<Root> {
    let left_out: Vec<_> = LEFT_OUT.into_iter().filter(|path| *path != FILE_SYSTEMS).collect();
    root_without(suite, name, packages, &left_out)
}

fn root_without(
    suite: Suite<'_>,
    name: &str,
    packages: &[&str],
    left_out: &[&str],
) -> Result<Root> {
    let mut digest = Digest::default();
    digest.add(FORM.to_le_bytes());
    digest.add_all(packages);
    digest.add_all(left_out);
    let id = format!("{suite}-{name}-{}", digest.hex(8));
    let roots = cache()?.join("roots");
    let root = roots.join(&id);
    if root.is_dir() {
        return Root::new(&root);
    }
    fs::create_dir_all(&roots)?;
    let _lock = Lock::take(&id)?;
    // Another process may have made it while it held the lock.
    if !root.is_dir() {
        let debs = archives(suite, name, packages)?;
        let half = Temp::new(&id)?;
        unpack(name, &debs, half.path(), left_out)?;
        Root::new(half.path())?.confine_links()?;
        half.place(&root)?;
    }
    Root::new(&root)
}

/// Unpacks `packages` of `suite` and all dependencies into `root`, whole; returns the folder of
/// their archives.
pub(super) fn minimal(suite: Suite<'_>, packages: &[&str], root: &Path) -> Result<PathBuf> {
    let debs = archives(suite, "minimal", packages)?;
    unpack("minimal", &debs, root, &[])?;
    Ok(debs)
}

/// Returns the folder with the packages of `suite` and all dependencies, and nothing else.
///
/// It stays in the cache, so that a root can be unpacked again without the network.
fn archives(suite: Suite<'_>, name: &str, packages: &[&str]) -> Result<PathBuf> {
    host::require(&[
        ("apt-get", "apt"),
        ("dpkg-deb", "dpkg"),
        ("tar", "tar"),
        (KEYRING, "debian-archive-keyring"),
    ])?;
    let _lock = Lock::take(&format!("archives-{suite}-{name}"))?;
    let debs = cache()?.join("archives").join(format!("{suite}-{name}"));
    download(suite, name, packages, &debs)?;
    Ok(debs.join("archives"))
}

/// Returns the Debian mirror that this machine uses. Debian's own files come first: others may name
/// archives that are no mirror of it.
pub(super) fn mirror() -> Result<String> {
    if let Ok(mirror) = env::var("XEN_TESTBED_MIRROR") {
        return Ok(mirror);
    }
    let folder = Path::new("/etc/apt/sources.list.d");
    let mut files = vec![PathBuf::from("/etc/apt/sources.list"), folder.join("debian.sources")];
    let mut others: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    others.sort();
    files.extend(others);
    let texts: Vec<_> = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    texts
        .iter()
        .flat_map(|t| t.lines())
        .filter(|l| !l.trim_start().starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_end_matches('/'))
        .find(|word| word.starts_with("http") && word.ends_with("/debian"))
        .map(str::to_owned)
        .context(
            "no Debian mirror in /etc/apt/sources.list or sources.list.d: set XEN_TESTBED_MIRROR \
             to its URL",
        )
}

/// Returns apt's options for one suite of Debian; the machine's own state is neither read nor
/// changed.
fn options(suite: Suite<'_>, archive_cache: &Path) -> Result<Vec<OsString>> {
    let dir = cache()?.join("apt").join(suite.to_string());
    fs::create_dir_all(dir.join("lists/partial"))?;
    fs::create_dir_all(archive_cache.join("archives/partial"))?;
    let (status, sources) = (dir.join("status"), dir.join("sources.list"));
    let _lock = Lock::take(&format!("apt-{suite}"))?;
    for (path, text) in [
        (&status, String::new()),
        (&sources, format!("deb [signed-by={KEYRING}] {} {} main\n", mirror()?, suite.name)),
    ] {
        // Another run may be reading it, so it is rewritten only when it changes.
        if fs::read_to_string(path).ok().as_ref() != Some(&text) {
            fs::write(path, text)?;
        }
    }
    let set = |name: &str, value: &Path| {
        let mut option = OsString::from(format!("-o{name}="));
        option.push(value);
        option
    };
    Ok(vec![
        set("Dir::Etc::SourceList", &sources),
        set("Dir::Etc::SourceParts", Path::new("/dev/null")),
        set("Dir::State::Lists", &dir.join("lists")),
        set("Dir::State::status", &status),
        set("Dir::Cache", archive_cache),
        "-oAPT::Sandbox::User=root".into(),
        // Locks of the cache guard what apt's would, which also keep two downloads of a suite
        // apart.
        "-oDebug::NoLocking=true".into(),
        format!("-oAPT::Architecture={}", suite.arch.debian()).into(),
        format!("-oAPT::Architectures={}", suite.arch.debian()).into(),
        "-oAcquire::Languages=none".into(),
        "-oAcquire::Retries=3".into(),
        "-oAcquire::http::Timeout=30".into(),
        "-oAcquire::https::Timeout=30".into(),
        "-qq".into(),
    ])
}

fn download(suite: Suite<'_>, name: &str, packages: &[&str], debs: &Path) -> Result<()> {
    let mut pause = Duration::from_secs(2);
    for attempt in 1.. {
        // A first attempt trusts the package lists of an earlier run; a later one fetches them
        // anew.
        match try_download(suite, name, packages, debs, attempt > 1) {
            Ok(()) => return Ok(()),
            Err(e) if attempt == TRIES => {
                return Err(
                    e.context(format!("fetching Debian packages of {suite} failed {TRIES} times"))
                );
            }
            Err(e) if attempt > 1 => {
                let reason = e.to_string();
                let reason =
                    reason.lines().find(|l| l.starts_with("E:")).unwrap_or(&reason).to_owned();
                ui::line(format!("fetching {name} again in {} s: {reason}", pause.as_secs()));
                thread::sleep(pause);
                pause *= 3;
            }
            Err(_) => {}
        }
    }
    bail!("unreachable: the loop above returns")
}

fn try_download(
    suite: Suite<'_>,
    name: &str,
    packages: &[&str],
    debs: &Path,
    update: bool,
) -> Result<()> {
    let options = options(suite, debs)?;
    {
        let _lock = Lock::take(&format!("apt-{suite}"))?;
        let fresh = cache()?.join("apt").join(suite.to_string()).join("updated");
        if update || !fresh.exists() {
            let spinner = ui::spinner(&format!("Debian {suite}: package lists"));
            let done = host::run(Command::new("apt-get").args(&options).arg("update"));
            spinner.finish_and_clear();
            done?;
            fs::write(&fresh, "")?;
        }
    }
    let install = ["-y", "--no-install-recommends", "--download-only", "install"];
    let wanted = {
        // Asked with nothing there, apt names what is there too.
        let empty = Temp::new("archives")?;
        let options = self::options(suite, empty.path())?;
        let mut list = Command::new("apt-get");
        wanted(&host::output(list.args(&options).arg("--print-uris").args(install).args(packages))?)
    };
    for entry in fs::read_dir(debs.join("archives"))?.flatten() {
        // Packages of an earlier day would be unpacked beside those that replace them.
        if entry.path().extension().is_some_and(|e| e == "deb")
            && !wanted.iter().any(|(name, _)| entry.file_name() == name.as_str())
        {
            fs::remove_file(entry.path())?;
        }
    }
    let total = wanted.iter().map(|(_, size)| size).sum();

    let bar = ui::bytes(&format!("Debian {suite}: {name}"), total);
    let mut apt = Command::new("apt-get")
        .args(&options)
        .args(install)
        .args(packages)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut moved = Instant::now();
    let status = loop {
        if let Some(status) = apt.try_wait()? {
            break status;
        }
        let there = size(&debs.join("archives")) + size(&debs.join("archives/partial"));
        if there != bar.position() {
            moved = Instant::now();
        } else if moved.elapsed() > TIMEOUT {
            apt.kill()?;
            apt.wait()?;
            bail!("apt-get: nothing has come for {} s", TIMEOUT.as_secs());
        }
        bar.set_position(there);
        thread::sleep(Duration::from_millis(200));
    };
    bar.finish_and_clear();
    if !status.success() {
        let mut reason = String::new();
        if let Some(mut stderr) = apt.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut reason)?;
        }
        bail!("apt-get: {status}\n{reason}");
    }
    Ok(())
}

/// Reads the names and sizes of archives out of what `apt-get --print-uris` prints.
fn wanted(uris: &str) -> Vec<(String, u64)> {
    let archive = |line: &str| {
        let mut words = line.strip_prefix('\'')?.split_whitespace().skip(1);
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    uris.lines().filter_map(archive).collect()
}

fn size(dir: &Path) -> u64 {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|f| f.metadata().ok()).filter(fs::Metadata::is_file).map(|m| m.len()).sum()
}

fn unpack(name: &str, archives: &Path, root: &Path, left_out: &[&str]) -> Result<()> {
    for link in ["bin", "sbin", "lib", "lib64"] {
        // Merged /usr, as Debian has it.
        fs::create_dir_all(root.join("usr").join(link))?;
        std::os::unix::fs::symlink(format!("usr/{link}"), root.join(link))?;
    }
    let mut debs: Vec<_> =
        fs::read_dir(archives)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    debs.retain(|p| p.extension().is_some_and(|e| e == "deb"));
    debs.sort();
    let bar = ui::bytes(&format!("unpacking {name}"), size(archives));
    for deb in debs {
        let mut dpkg = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(&deb)
            .stdout(Stdio::piped())
            .spawn()?;
        let stream = dpkg.stdout.take().context("dpkg-deb has no output")?;
        let tar = Command::new("tar")
            .args([
                "-x",
                "--keep-directory-symlink",
                "--no-same-owner",
                "--delay-directory-restore",
                "-C",
            ])
            .arg(root)
            .args(left_out.iter().map(|path| format!("--exclude={path}")))
            .stdin(stream)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?
            .wait_with_output()?;
        let deb_status = dpkg.wait()?;
        if !tar.status.success() || !deb_status.success() {
            bail!("unpacking {}: {}", deb.display(), String::from_utf8_lossy(&tar.stderr));
        }
        bar.inc(fs::metadata(&deb)?.len());
    }
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_read_from_printed_uris() {
        let text = "NOTE: nothing is fetched\n\
                    'http://deb.debian.org/debian/pool/main/k/kmod/kmod_30_amd64.deb' \
                    kmod_30%2bdfsg_amd64.deb 95040 SHA256:00ff\n";
        assert_eq!(wanted(text), [("kmod_30%2bdfsg_amd64.deb".to_owned(), 95040)]);
    }
}
