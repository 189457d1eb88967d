//! Temporary folders of the cache: removed when dropped, or by the next run after the end of their
//! process.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{Lock, cache};

/// Temporary folder. Its lock, which ends with the process, marks it as in use.
#[derive(Debug)]
pub(super) struct Temp {
    dir: TempDir,
    #[expect(dead_code, reason = "held for its lock")]
    lock: File,
}

impl Temp {
    /// Creates a temporary folder in the cache, and removes those of ended processes.
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

    /// Renames the folder to `to`, where it stays: only a complete folder has its final name.
    pub(super) fn place(self, to: &Path) -> Result<()> {
        fs::rename(self.dir.path(), to).with_context(|| format!("placing {}", to.display()))?;
        // Nothing is left to be removed.
        let _ = self.dir.keep();
        Ok(())
    }
}

/// Removes temporary folders of `cache` whose process has ended.
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
    fn complete_folder_gets_its_name() {
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

        remove_leftovers(cache.path()).unwrap();
        assert!(used.path().exists() && !left.exists());
    }
}
