//! Unpacked Debian roots: paths are resolved and programs are run inside them, as in a chroot.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

use anyhow::{Context, Result, bail, ensure};
use object::Endianness;
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};

/// Links that one path may lead through, as for Linux.
const MAX_LINKS: usize = 40;

/// Folders of Debian's libraries; the last one has those of Ceph, which fio can use as storage.
pub(super) const LIBRARY_FOLDERS: [&str; 8] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/ceph",
    "usr/lib/aarch64-linux-gnu/ceph",
];

/// A folder with unpacked packages of Debian.
///
/// Its links are those of an installed system, so an absolute one begins at this folder. Nothing
/// outside this module joins a path to the folder: the host would follow such a link to its own
/// file.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    /// Names a root by its folder.
    pub(super) fn new(path: &Path) -> Result<Root> {
        let path = path.canonicalize().with_context(|| format!("no root {}", path.display()))?;
        Ok(Root { path })
    }

    /// Returns the folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file or folder at `path` of the root, without links.
    pub(crate) fn find(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        resolve(&self.path, path)
            .with_context(|| format!("no {} in {}", path.display(), self.path.display()))
    }

    /// Returns whether there is a file or folder at `path` of the root.
    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        resolve(&self.path, path.as_ref()).is_ok()
    }

    /// Returns the names in the folder at `path` of the root, sorted.
    pub(crate) fn names(&self, path: impl AsRef<Path>) -> Result<Vec<String>> {
        let folder = self.find(path)?;
        let entries =
            fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        let name = |entry: io::Result<fs::DirEntry>| -> Result<String> {
            entry?.file_name().into_string().ok().context("a file name that is not UTF-8")
        };
        let mut names = entries.map(name).collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// Returns the command that runs a program of the root with the root's own dynamic loader and
    /// libraries, and with `preload` before them.
    pub(crate) fn command(&self, path: &str, preload: Option<&Path>) -> Result<Command> {
        let program = self.find(path)?;
        let data = fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
        let loader =
            loader(&data).with_context(|| format!("{} is no program", program.display()))?;
        // A program of several names reads the one that it was started by.
        let name = self.path.join(path.trim_start_matches('/'));
        let Some(loader) = loader else {
            let mut command = Command::new(&program);
            if let Some(preload) = preload {
                bail!("{} is static: it cannot load {}", program.display(), preload.display());
            }
            command.arg0(name);
            return Ok(command);
        };
        // Loader and libraries have to be of one version.
        let mut command = Command::new(self.find(&loader)?);
        command.arg("--argv0").arg(name);
        if let Some(preload) = preload {
            command.arg("--preload").arg(preload);
        }
        command.arg("--library-path").arg(self.libraries()?).arg(program);
        Ok(command)
    }

    /// Returns the folders of the root's libraries, separated as the dynamic loader reads them.
    fn libraries(&self) -> Result<OsString> {
        let mut found = Vec::new();
        for folder in LIBRARY_FOLDERS {
            match self.find(folder) {
                Ok(path) if !found.contains(&path) => found.push(path),
                _ => {}
            }
        }
        ensure!(!found.is_empty(), "no libraries in {}", self.path.display());
        std::env::join_paths(found).context("a root whose path has a colon")
    }

    /// Makes links relative that lead out of the root, as a program sees it that is not confined to
    /// the root: the dynamic loader follows links of libraries by itself.
    pub(super) fn confine_links(&self) -> Result<()> {
        confine(&self.path, 0)
    }
}

/// Resolves `path` inside `root`, which has no links itself: absolute links begin at `root`, and
/// `..` does not leave it.
fn resolve(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut at = root.to_owned();
    let mut todo = parts(path);
    let mut links = 0;
    while let Some(part) = todo.pop() {
        match part {
            Part::Root => root.clone_into(&mut at),
            Part::Up => {
                if !at.is_dir() {
                    return Err(ErrorKind::NotADirectory.into());
                }
                if at != root {
                    at.pop();
                }
            }
            Part::Name(name) => {
                let next = at.join(name);
                if !next.symlink_metadata()?.is_symlink() {
                    at = next;
                    continue;
                }
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::other("too many levels of symbolic links"));
                }
                todo.extend(parts(&fs::read_link(next)?));
            }
        }
    }
    Ok(at)
}

enum Part {
    Root,
    Up,
    Name(OsString),
}

/// Splits a path; the first part comes last.
fn parts(path: &Path) -> Vec<Part> {
    let part = |component: Component<'_>| match component {
        Component::RootDir | Component::Prefix(_) => Some(Part::Root),
        Component::ParentDir => Some(Part::Up),
        Component::Normal(name) => Some(Part::Name(name.to_owned())),
        Component::CurDir => None,
    };
    path.components().rev().filter_map(part).collect()
}

/// Makes the links below `folder` relative which are absolute or go up further than `depth`
/// folders.
fn confine(folder: &Path, depth: usize) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() {
            confine(&path, depth + 1)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&path)?;
            if let Some(inside) = confined(&target, depth) {
                fs::remove_file(&path)?;
                std::os::unix::fs::symlink(inside, &path)
                    .with_context(|| format!("linking {}", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Returns the relative form of a link's target, for a link `depth` folders below the root; nothing
/// if the target itself stays inside.
fn confined(target: &Path, depth: usize) -> Option<PathBuf> {
    let mut level = if target.is_absolute() { 0 } else { depth };
    let mut leads_out = target.is_absolute();
    let stays = |part: &Component<'_>| {
        match part {
            Component::Normal(_) => level += 1,
            Component::ParentDir if level > 0 => level -= 1,
            Component::ParentDir => {
                leads_out = true;
                return false;
            }
            _ => return false,
        }
        true
    };
    let kept: Vec<_> = target.components().filter(stays).collect();
    if !leads_out {
        return None;
    }
    let up = if target.is_absolute() { depth } else { 0 };
    let inside: PathBuf = iter::repeat_n(Component::ParentDir, up).chain(kept).collect();
    // The root itself, from a link in it.
    Some(if inside.as_os_str().is_empty() { PathBuf::from(".") } else { inside })
}

/// Returns the dynamic loader that an ELF program asks for; nothing for a static one.
fn loader(data: &[u8]) -> Result<Option<String>> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    for segment in header.program_headers(endian, data)? {
        if segment.p_type(endian) == PT_INTERP {
            let Some(name) = segment.interpreter(endian, data)? else { continue };
            return Ok(Some(std::str::from_utf8(name).context("a loader's name")?.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A root, with a file beside it that no path may reach.
    struct Made {
        _dir: tempfile::TempDir,
        root: Root,
        outside: PathBuf,
    }

    fn made() -> Made {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().canonicalize().unwrap();
        let path = outside.join("root");
        for folder in ["usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu", "etc"] {
            fs::create_dir_all(path.join(folder)).unwrap();
        }
        fs::write(path.join("usr/bin/kmod"), "root's").unwrap();
        fs::write(outside.join("kmod"), "host's").unwrap();
        for (link, target) in [
            ("bin", "usr/bin"),
            ("usr/sbin/depmod", "/bin/kmod"),
            ("usr/sbin/up", "../../../../../../bin/kmod"),
            ("usr/sbin/first", "/usr/sbin/second"),
            ("usr/sbin/second", "first"),
            ("usr/sbin/gone", "/bin/gone"),
            ("usr/sbin/passwd", "/etc/passwd"),
            ("etc/top", "/"),
        ] {
            symlink(target, path.join(link)).unwrap();
        }
        Made { root: Root::new(&path).unwrap(), outside, _dir: dir }
    }

    #[test]
    fn absolute_link_begins_at_the_root() {
        let made = made();
        assert_eq!(
            made.root.find("usr/sbin/depmod").unwrap(),
            made.root.path().join("usr/bin/kmod")
        );
        assert_eq!(
            made.root.find("/usr/sbin/depmod").unwrap(),
            made.root.path().join("usr/bin/kmod")
        );
        assert_eq!(
            made.root.find("etc/top/bin/kmod").unwrap(),
            made.root.path().join("usr/bin/kmod")
        );
    }

    #[test]
    fn linked_host_file_is_not_found() {
        let made = made();
        assert!(Path::new("/etc/passwd").exists());
        let error = format!("{:#}", made.root.find("usr/sbin/passwd").unwrap_err());
        assert!(error.starts_with("no usr/sbin/passwd in "), "{error}");
        assert!(!made.root.has("usr/sbin/gone"));
    }

    #[test]
    fn parent_folders_stay_in_root() {
        let made = made();
        let kmod = made.root.path().join("usr/bin/kmod");
        for path in ["usr/sbin/up", "../../bin/kmod", "usr/../../../usr/bin/./kmod"] {
            assert_eq!(made.root.find(path).unwrap(), kmod, "{path}");
        }
        assert!(!made.root.has("../kmod"));
        assert!(made.outside.join("kmod").exists());
        assert!(!made.root.has("usr/bin/kmod/.."), "a file has no parent folder");
        // A link's parent is that of its target.
        assert_eq!(made.root.find("bin/..").unwrap(), made.root.path().join("usr"));
    }

    #[test]
    fn loop_of_links_is_an_error() {
        let error = format!("{:#}", made().root.find("usr/sbin/first").unwrap_err());
        assert!(error.contains("too many levels of symbolic links"), "{error}");
    }

    #[test]
    fn confined_links_stay_in_root() {
        let made = made();
        made.root.confine_links().unwrap();
        for path in ["usr/sbin/depmod", "usr/sbin/up", "etc/top/bin/kmod"] {
            let found = made.root.path().join(path).canonicalize().unwrap();
            assert_eq!(found, made.root.path().join("usr/bin/kmod"), "{path}");
        }
        assert_eq!(fs::read_link(made.root.path().join("bin")).unwrap(), Path::new("usr/bin"));
        assert!(!made.root.path().join("usr/sbin/passwd").exists());
    }

    #[test]
    fn program_runs_by_its_own_loader() {
        let made = made();
        let own = std::env::current_exe().unwrap();
        let wanted = loader(&fs::read(&own).unwrap()).unwrap().unwrap();
        fs::copy(&own, made.root.path().join("usr/bin/kmod")).unwrap();
        assert!(made.root.command("usr/sbin/depmod", None).is_err(), "the root has no loader");
        let place = made.root.path().join("usr/lib/x86_64-linux-gnu/ld.so");
        fs::write(&place, "").unwrap();
        let link = made.root.path().join(wanted.trim_start_matches('/'));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink("/usr/lib/x86_64-linux-gnu/ld.so", link).unwrap();
        let command = made.root.command("usr/sbin/depmod", None).unwrap();
        assert_eq!(command.get_program(), place);
        let args: Vec<_> =
            command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert!(args[1].ends_with("/usr/sbin/depmod"), "its name is that of the link: {args:?}");
        assert_eq!(Path::new(args.last().unwrap()), made.root.path().join("usr/bin/kmod"));
        let folders = &args[args.iter().position(|arg| arg == "--library-path").unwrap() + 1];
        assert!(std::env::split_paths(folders).all(|path| path.starts_with(made.root.path())));
    }

    #[test]
    fn script_is_refused_as_a_program() {
        let made = made();
        fs::write(made.root.path().join("usr/bin/kmod"), "#!/bin/sh\n").unwrap();
        let error = format!("{:#}", made.root.command("usr/bin/kmod", None).unwrap_err());
        assert!(error.contains("is no program"), "{error}");
    }
}
