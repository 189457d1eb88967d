//! Initramfs archives (cpio, "newc" form).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

enum Node {
    Dir,
    File { mode: u32, data: Vec<u8> },
    Link(String),
}

/// A file tree to be packed. Paths are relative, without a leading slash; parents appear by
/// themselves.
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

    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (inode, (path, node)) in (1..).zip(&self.nodes) {
            match node {
                Node::Dir => entry(&mut out, inode, 0o040_755, path, &[]),
                Node::File { mode, data } => entry(&mut out, inode, 0o100_000 | mode, path, data),
                Node::Link(target) => entry(&mut out, inode, 0o120_777, path, target.as_bytes()),
            }
        }
        entry(&mut out, 0, 0, "TRAILER!!!", &[]);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }
}

fn entry(out: &mut Vec<u8>, inode: usize, mode: u32, path: &str, data: &[u8]) {
    out.extend_from_slice(b"070701");
    let fields = [inode, mode as usize, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, path.len() + 1, 0];
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_padded_after_parents() {
        let mut archive = Archive::default();
        archive.file("a/b", 0o644, "xyz");
        let packed = archive.pack();
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
