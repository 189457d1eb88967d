//! Initramfs archives (cpio, "newc" form).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use cpio::newc::{self, ModeFileType};

enum Node {
    Dir,
    File { mode: u32, data: Vec<u8> },
    Link(String),
}

/// File tree. Paths are relative, without a leading slash; parents are added automatically.
#[derive(Default)]
pub(crate) struct Archive {
    nodes: BTreeMap<String, Node>,
}

impl Archive {
    pub(crate) fn dir(&mut self, path: &str) {
        self.parents(path);
        self.nodes.entry(path.to_owned()).or_insert(Node::Dir);
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, data: impl Into<Vec<u8>>) {
        self.parents(path);
        self.nodes.insert(path.to_owned(), Node::File { mode, data: data.into() });
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.nodes.insert(path.to_owned(), Node::Link(target.to_owned()));
    }

    /// Adds the file `source` with its permission bits.
    pub(crate) fn copy(&mut self, path: &str, source: &Path) -> Result<()> {
        let data = fs::read(source).with_context(|| format!("reading {}", source.display()))?;
        let mode = fs::metadata(source)?.permissions().mode() & 0o777;
        self.file(path, mode, data);
        Ok(())
    }

    /// Adds a directory of the host with all that is in it; links are followed.
    pub(crate) fn copy_tree(&mut self, path: &str, source: &Path) -> Result<()> {
        self.dir(path);
        for entry in
            fs::read_dir(source).with_context(|| format!("reading {}", source.display()))?
        {
            let from = entry?.path();
            let name = from
                .file_name()
                .and_then(|n| n.to_str())
                .context("a file name that is not UTF-8")?;
            let to = format!("{path}/{name}");
            if from.is_dir() { self.copy_tree(&to, &from)? } else { self.copy(&to, &from)? }
        }
        Ok(())
    }

    fn parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            self.nodes.entry(path[..at].to_owned()).or_insert(Node::Dir);
        }
    }

    /// Returns the archive, padded to whole blocks.
    pub(crate) fn pack(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for (inode, (path, node)) in (1..).zip(&self.nodes) {
            let (kind, mode, data) = match node {
                Node::Dir => (ModeFileType::Directory, 0o755, &[][..]),
                Node::File { mode, data } => (ModeFileType::Regular, *mode, data.as_slice()),
                Node::Link(target) => (ModeFileType::Symlink, 0o777, target.as_bytes()),
            };
            let length = u32::try_from(data.len())
                .with_context(|| format!("{path}: found {} bytes, expected < 4 GiB", data.len()))?;
            let entry = newc::Builder::new(path).ino(inode).mode(mode).set_mode_file_type(kind);
            let mut entry = entry.write(&mut out, length);
            entry.write_all(data)?;
            entry.finish()?;
        }
        newc::trailer(&mut out)?;
        out.resize(out.len().next_multiple_of(512), 0);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_padded_after_parents() {
        let mut archive = Archive::default();
        archive.file("a/b", 0o644, "xyz");
        let packed = archive.pack().unwrap();
        assert_eq!(packed.len() % 512, 0);
        assert_eq!(&packed[..6], b"070701");
        assert_eq!(&packed[110..112], b"a\0", "the directory a comes before a/b");
        let file = 112;
        assert_eq!(&packed[file..file + 6], b"070701");
        assert_eq!(&packed[file + 54..file + 62], b"00000003", "the length of the data");
        assert_eq!(&packed[file + 110..file + 114], b"a/b\0");
        assert_eq!(
            &packed[file + 116..file + 120],
            b"xyz\0",
            "the data begins at a multiple of four"
        );
    }
}
