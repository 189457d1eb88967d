//! Temporary folders of the cache: removed when dropped, or by the next run if their process is
//! gone.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{Lock, cache};

/// A folder in the making. Its lock, which ends with the process, shows other processes that it is
/// in use.
#[derive(Debug)]
pub(super) struct Temp {
    dir: TempDir,
    #[expect(dead_code, reason = "held for its lock")]
    lock: File,
}

impl Temp {
    /// Makes a temporary folder in the cache, and removes those of processes that are gone.
    pub(super) fn new(name: &str) -> Result<Temp> {
        let cache = cache()?;
        // Between the creation of a folder and its lock, no other process removes leftovers.
        let _lock = Lock::take("tmp")?;
        remove_leftovers(&cache)?;
        Temp::new_in(&cache.join("tmp"), name)
    }

    fn new_in(folder: &Path, name: &str) -> Result<Temp> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let dir = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(folder)?;
        let lock = File::open(dir.path())?;
        lock.lock().with_context(|| format!("locking {}", dir.path().display()))?;
        Ok(Temp { dir, lock })
    }

    /// Returns the folder.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Renames the folder to `to`, where it stays: only a whole one ever has its final name.
    pub(super) fn place(self, to: &Path) -> Result<()> {
        fs::rename(self.dir.path(), to).with_context(|| format!("placing {}", to.display()))?;
        // Nothing is left to be removed.
        let _ = self.dir.keep();
        Ok(())
    }
}

/// Removes temporary folders of `cache` whose process is gone.
fn remove_leftovers(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache.join("tmp")).into_iter().flatten().flatten() {
        let unused = File::open(entry.path()).is_ok_and(|folder| match folder.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        });
        if unused {
            remove(&entry.path())?;
        }
    }
    // Names that earlier versions gave their temporary folders, with the process at the end.
    for entry in fs::read_dir(cache.join("base")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.rsplit_once('-').and_then(|(_, process)| process.parse::<u32>().ok());
        if let (true, Some(process)) =
            (name.contains("-half-") || name.starts_with("modules-"), process)
            && !Path::new("/proc").join(process.to_string()).exists()
        {
            remove(&entry.path())?;
        }
    }
    // And with the root's lock beside the folder of roots.
    for entry in fs::read_dir(cache.join("roots")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(id) = name.strip_suffix(".half").or_else(|| name.strip_suffix(".debs")) else {
            continue;
        };
        let unused = File::create(cache.join(format!("{id}.lock")))
            .is_ok_and(|lock| lock.try_lock().is_ok());
        if unused {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder)
        .with_context(|| format!("removing the leftover {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn failed_try_leaves_nothing() {
        let cache = tempfile::tempdir().unwrap();
        let tmp = cache.path().join("tmp");
        let temp = Temp::new_in(&tmp, "base").unwrap();
        fs::write(temp.path().join("half"), "").unwrap();
        drop(temp);
        assert!(names(&tmp).is_empty());
    }

    #[test]
    fn whole_folder_gets_its_name() {
        let cache = tempfile::tempdir().unwrap();
        let tmp = cache.path().join("tmp");
        let temp = Temp::new_in(&tmp, "base").unwrap();
        fs::write(temp.path().join("whole"), "").unwrap();
        temp.place(&cache.path().join("4.17")).unwrap();
        assert!(cache.path().join("4.17/whole").exists());
        assert!(names(&tmp).is_empty());
    }

    #[test]
    fn leftovers_are_removed_after_owner_ends() {
        let cache = tempfile::tempdir().unwrap();
        let tmp = cache.path().join("tmp");
        let used = Temp::new_in(&tmp, "used").unwrap();
        // A killed process leaves a folder, but no lock.
        let left = {
            let Temp { dir, .. } = Temp::new_in(&tmp, "left").unwrap();
            dir.keep()
        };
        fs::write(left.join("half"), "").unwrap();

        let gone = u32::MAX;
        let own = std::process::id();
        for old in [
            format!("base/4.17-half-{gone}"),
            format!("base/modules-6.1.0-50-amd64-{gone}"),
            format!("base/4.17-half-{own}"),
            "base/4.17-8774303f".to_owned(),
            "roots/bookworm-qemu-524e5143".to_owned(),
            "roots/bookworm-qemu-524e5143.half".to_owned(),
            "roots/bookworm-qemu-524e5143.debs".to_owned(),
            "roots/trixie-xen-1.half".to_owned(),
        ] {
            fs::create_dir_all(cache.path().join(old)).unwrap();
        }
        let other = File::create(cache.path().join("trixie-xen-1.lock")).unwrap();
        other.lock().unwrap();

        remove_leftovers(cache.path()).unwrap();
        assert!(used.path().exists() && !left.exists());
        assert_eq!(
            names(&cache.path().join("base")),
            ["4.17-8774303f".to_owned(), format!("4.17-half-{own}")]
        );
        assert_eq!(
            names(&cache.path().join("roots")),
            ["bookworm-qemu-524e5143", "trixie-xen-1.half"]
        );
    }
}
