//! `cargo xtask prose`: rules of language and names over all Rust and Markdown files.

mod baseline;
mod markdown;
mod rust;
mod summary;
mod words;

use std::collections::BTreeSet;
use std::path::Path;
use std::{fmt, fs, thread};

use anyhow::{Context, Result, bail};

use crate::{host, ui};

/// Maximum number of findings that a failure shows of one file and rule.
const SHOWN: usize = 10;

/// Options of `prose`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Shows all findings of these files, or of the files below these folders
    paths: Vec<String>,
    /// Shows all findings of the workspace
    #[arg(long, conflicts_with = "paths")]
    all: bool,
    /// Lowers the baseline to the counts found; never raises it
    #[arg(long, conflicts_with_all = ["paths", "all"])]
    lower: bool,
}

/// A rule that a command can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    /// A function's summary starts with a verb in the third person.
    SummaryVerb,
    /// A type's, module's, field's or constant's summary is a noun phrase.
    SummaryNoun,
    /// No summary starts with What, Where, How, Why, Whether, Of or That.
    SummaryStart,
    /// No verbs for a mind, no vague actors, no private terms in prose.
    Word,
    /// No private terms as names of definitions.
    Term,
    /// Names of tests have at most 40 characters and 6 words.
    TestName,
    /// Code and comments have at most 100 columns.
    LineLength,
    /// A README has at most 150 lines.
    ReadmeLength,
    /// Link texts in tables have at most 40 characters.
    TableLink,
    /// Markdown has one sentence a line.
    SentenceLine,
}

impl Rule {
    const ALL: [Rule; 10] = [
        Rule::SummaryVerb,
        Rule::SummaryNoun,
        Rule::SummaryStart,
        Rule::Word,
        Rule::Term,
        Rule::TestName,
        Rule::LineLength,
        Rule::ReadmeLength,
        Rule::TableLink,
        Rule::SentenceLine,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Rule::SummaryVerb => "summary-verb",
            Rule::SummaryNoun => "summary-noun",
            Rule::SummaryStart => "summary-start",
            Rule::Word => "word",
            Rule::Term => "term",
            Rule::TestName => "test-name",
            Rule::LineLength => "line-length",
            Rule::ReadmeLength => "readme-length",
            Rule::TableLink => "table-link",
            Rule::SentenceLine => "sentence-line",
        })
    }
}

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    rule: Rule,
    found: String,
    expected: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { file, line, rule, found, expected } = self;
        write!(f, "{file}:{line}: {rule}: found {found}, expected {expected}")
    }
}

/// Findings of a tree and the lengths of its tests' names.
#[derive(Default)]
struct Checked {
    findings: Vec<Finding>,
    tests: Vec<usize>,
}

impl Checked {
    fn counts(&self) -> baseline::Counts {
        let mut counts = baseline::Counts::new();
        for finding in &self.findings {
            let rules = counts.entry(finding.file.clone()).or_default();
            *rules.entry(finding.rule.to_string()).or_default() += 1;
        }
        counts
    }

    /// Returns the mean length of the tests' names.
    fn mean_name(&self) -> f64 {
        let sum: usize = self.tests.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand short names")]
        let mean = sum as f64 / self.tests.len().max(1) as f64;
        mean
    }
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let checked = read(host::root())?;
    if args.all || !args.paths.is_empty() {
        let is_named = |file: &str| args.paths.iter().any(|path| Path::new(file).starts_with(path));
        let is_shown = |finding: &&Finding| args.all || is_named(&finding.file);
        let shown: Vec<_> = checked.findings.iter().filter(is_shown).collect();
        for finding in &shown {
            ui::line(finding.to_string());
        }
        ui::line(format!("{} findings", shown.len()));
        return Ok(0);
    }
    let found = checked.counts();
    if args.lower {
        let lowered = match baseline::read()? {
            Some(known) => baseline::lowered(&known, &found),
            None => found,
        };
        baseline::write(&lowered)?;
    }
    summary(&checked);
    check_baseline(&checked)?;
    Ok(0)
}

/// Checks the workspace against its baseline.
pub(crate) fn check() -> Result<()> {
    check_baseline(&read(host::root())?)
}

fn check_baseline(checked: &Checked) -> Result<()> {
    let known = baseline::read()?.unwrap_or_default();
    let differences = baseline::differences(&known, &checked.counts());
    let (over, under): (Vec<_>, Vec<_>) = differences.iter().partition(|d| d.found > d.known);
    if !under.is_empty() {
        let count: usize = under.iter().map(|d| d.known - d.found).sum();
        ui::line(format!("{count} findings fewer than in the baseline"));
        ui::line("lower the baseline: cargo xtask prose --lower");
    }
    if over.is_empty() {
        return Ok(());
    }
    let mut message = String::new();
    for difference in over {
        let of_file = |finding: &&Finding| {
            finding.file == difference.file && finding.rule.to_string() == difference.rule
        };
        for finding in checked.findings.iter().filter(of_file).take(SHOWN) {
            message += &format!("{finding}\n");
        }
        message += &format!(
            "{}: {}: found {}, expected {} as in xtask/prose/baseline.json\n",
            difference.file, difference.rule, difference.found, difference.known
        );
    }
    bail!("rules of language are broken in more places than known\n{}", message.trim_end())
}

/// Prints the number of findings by rule and the mean length of the tests' names.
fn summary(checked: &Checked) {
    for rule in Rule::ALL {
        let of_rule: Vec<_> = checked.findings.iter().filter(|f| f.rule == rule).collect();
        let files: BTreeSet<_> = of_rule.iter().map(|f| &f.file).collect();
        ui::line(format!("{rule:<14}{:>6} in {:>3} files", of_rule.len(), files.len()));
    }
    ui::line(format!("{:<14}{:>6} in all", "", checked.findings.len()));
    let (tests, mean) = (checked.tests.len(), checked.mean_name());
    ui::line(format!("{tests} tests, mean name {mean:.1} characters, expected at most 40"));
}

/// Checks all Rust and Markdown files below a folder.
fn read(root: &Path) -> Result<Checked> {
    let mut files = Vec::new();
    walk(root, root, &mut files)?;
    files.sort();
    // Two workers with every second file each: parsing is most of the work.
    let workers = thread::available_parallelism().map_or(1, |count| count.get()).min(8);
    let mut all = Checked::default();
    thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|first| {
                let mine: Vec<&String> = files.iter().skip(first).step_by(workers).collect();
                scope.spawn(move || -> Result<Checked> {
                    let mut checked = Checked::default();
                    for file in mine {
                        one(root, file, &mut checked)?;
                    }
                    Ok(checked)
                })
            })
            .collect();
        for handle in handles {
            let done = handle.join().map_err(|_| anyhow::anyhow!("checking the prose panicked"));
            let checked = done??;
            all.findings.extend(checked.findings);
            all.tests.extend(checked.tests);
        }
        Ok(())
    })
    .map(|()| {
        all.findings.sort();
        all
    })
}

fn one(root: &Path, file: &str, checked: &mut Checked) -> Result<()> {
    let text = fs::read_to_string(root.join(file)).with_context(|| format!("reading {file}"))?;
    if file.ends_with(".md") {
        checked.findings.extend(markdown::check(file, &text));
    } else {
        let of_file = rust::check(file, &text)?;
        checked.findings.extend(of_file.findings);
        checked.tests.extend(of_file.tests);
    }
    Ok(())
}

/// Collects the Rust and Markdown files below a folder, relative to the root.
fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(root, &path, files)?;
        } else if name.ends_with(".rs") || name.ends_with(".md") {
            files.push(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn tree_is_read_without_target() {
        let root = tempfile::tempdir().expect("a folder is made");
        for (file, text) in [
            ("a/src/lib.rs", "//! Is one.\n"),
            ("target/b.rs", "//! Is one.\n"),
            (".git/c.md", "It tells.\n"),
            ("d.md", "It tells.\n"),
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("in a folder")).expect("the folder is made");
            fs::write(path, text).expect("the file is written");
        }
        let checked = read(root.path()).expect("the tree is read");
        let shown: Vec<String> = checked.findings.iter().map(ToString::to_string).collect();
        let expected = [
            "a/src/lib.rs:1: summary-noun: found `Is one`, expected a noun phrase",
            "d.md:1: word: found `tells`, expected notifies, returns, reports, writes",
        ];
        assert_eq!(shown, expected);
        assert_eq!(checked.counts()["d.md"], BTreeMap::from([("word".to_owned(), 1)]));
    }
}
