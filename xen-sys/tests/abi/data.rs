//! Reader of the C compiler's data and of the lists of exceptions.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "a module of a test; the tool that writes the lists reads a part of it"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

/// Data of the C compiler for one version of Xen and one target.
pub struct Data {
    pub version: String,
    pub target: String,
    pub constants: BTreeMap<String, Entry>,
    pub texts: BTreeMap<String, (String, String)>,
    pub types: BTreeMap<String, Type>,
}

pub struct Entry {
    pub value: i128,
    pub header: String,
}

pub struct Type {
    pub size: usize,
    pub align: usize,
    pub header: String,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: String,
    pub offset: usize,
    pub size: usize,
    pub c_type: String,
    /// One of several fields in one place.
    pub union: bool,
    /// First bit and width.
    pub bits: Option<(usize, usize)>,
}

impl Data {
    /// Reads all data files of a folder: `VERSION-TARGET.txt`.
    pub fn read_all(folder: &Path) -> Vec<Self> {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder can be read")
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        let mut abis = Vec::new();
        for path in paths {
            let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
            let Some((version, target)) = name
                .split_once('-')
                .filter(|(version, _)| version.starts_with(|first: char| first.is_ascii_digit()))
            else {
                continue;
            };
            let text = std::fs::read_to_string(&path).expect("the data can be read");
            abis.push(Self::parse(version, target, &text));
        }
        assert!(!abis.is_empty(), "there is no data");
        abis
    }

    fn parse(version: &str, target: &str, text: &str) -> Self {
        let mut data = Self {
            version: version.to_owned(),
            target: target.to_owned(),
            constants: BTreeMap::new(),
            texts: BTreeMap::new(),
            types: BTreeMap::new(),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            data.line(line).unwrap_or_else(|| panic!("{version}-{target}: not understood: {line}"));
        }
        data
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let (keyword, rest) = line.split_once(' ')?;
        let words: Vec<&str> = rest.split(' ').collect();
        let number = |index: usize| words.get(index)?.parse::<usize>().ok();
        match keyword {
            "const" => {
                let value = words.get(1)?.parse().ok()?;
                self.constants.insert(
                    words[0].to_owned(),
                    Entry { value, header: (*words.get(2)?).to_owned() },
                );
            }
            "string" => {
                let (text, header) =
                    rest.strip_prefix(words[0])?.trim().strip_prefix('"')?.rsplit_once("\" ")?;
                self.texts.insert(words[0].to_owned(), (text.to_owned(), header.to_owned()));
            }
            "struct" | "union" => {
                let header = (*words.get(3)?).to_owned();
                let ty = Type { size: number(1)?, align: number(2)?, header, fields: Vec::new() };
                self.types.insert(words[0].to_owned(), ty);
            }
            "field" | "alt" | "bits" => {
                let (ty, name) = words[0].split_once('.')?;
                let mut field = Field {
                    name: name.to_owned(),
                    offset: number(1)?,
                    size: number(2)?,
                    c_type: words.get(3).copied().unwrap_or_default().to_owned(),
                    union: keyword == "alt",
                    bits: None,
                };
                if keyword == "bits" {
                    field.bits = Some((field.offset, field.size));
                }
                self.types.get_mut(ty)?.fields.push(field);
            }
            _ => return None,
        }
        Some(())
    }
}

/// A list: `KIND PATTERN REASON`, or `SCOPE: KIND PATTERN REASON` for some targets or versions
/// only.
pub struct Exceptions {
    pub lines: Vec<Line>,
}

pub struct Line {
    pub scope: String,
    pub kind: String,
    pub pattern: String,
    pub text: String,
    pub used: Cell<bool>,
}

impl Line {
    /// Returns whether the pattern, with at most one star, matches a name.
    pub fn matches(&self, name: &str) -> bool {
        match self.pattern.split_once('*') {
            None => self.pattern == name,
            Some((start, end)) => {
                name.len() >= start.len() + end.len()
                    && name.starts_with(start)
                    && name.ends_with(end)
            }
        }
    }
}

impl Exceptions {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut lines = Vec::new();
        for text in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let (scope, rest) = text
                .split_once(": ")
                .filter(|(scope, _)| !scope.contains(' '))
                .unwrap_or(("", text));
            let mut words = rest.splitn(3, ' ');
            let (Some(kind), Some(pattern), Some(reason)) =
                (words.next(), words.next(), words.next())
            else {
                panic!("{}: no reason given: {text}", path.display());
            };
            assert!(!reason.trim().is_empty(), "{}: no reason given: {text}", path.display());
            lines.push(Line {
                scope: scope.to_owned(),
                kind: kind.to_owned(),
                pattern: pattern.to_owned(),
                text: text.to_owned(),
                used: Cell::new(false),
            });
        }
        Self { lines }
    }
}
