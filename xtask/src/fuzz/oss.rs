//! The build script of OSS-Fuzz and ClusterFuzzLite, run without a container.
//!
//! Lays out `$SRC`, `$OUT` and `$WORK`, sets the variables that the builder's `compile` sets, runs
//! the script and checks `$OUT`.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::tools::{self, Tool};
use crate::{host, mutants, ui};

const CARGO_FUZZ: Tool = Tool { package: "cargo-fuzz", version: "0.13.2", program: "cargo-fuzz" };

/// Flags of the builder for the address sanitizer.
const RUSTFLAGS: &str = "--cfg fuzzing -Zsanitizer=address -Cdebuginfo=1 -Cforce-frame-pointers";

/// Variables of the builder's environment.
const BUILDER: [(&str, &str); 6] = [
    ("ARCHITECTURE", "x86_64"),
    ("FUZZING_ENGINE", "libfuzzer"),
    ("FUZZING_LANGUAGE", "rust"),
    ("SANITIZER", "address"),
    ("RUSTUP_TOOLCHAIN", "nightly"),
    ("RUSTFLAGS", RUSTFLAGS),
];

/// Runs the build script and checks that each of `targets` is there and runs its seeds.
pub(super) fn check(targets: &[String]) -> Result<()> {
    host::require(&[("c++", "g++"), ("zip", "zip"), ("unzip", "unzip")])?;
    CARGO_FUZZ.install()?;
    let out = build()?;
    let wrong = differences(targets, &out)?;
    ensure!(wrong.is_empty(), "{} has {}", out.display(), wrong.join(", "));
    for target in targets {
        let inputs = run_corpus(target, &out)?;
        ui::line(format!("{target:<14}{inputs:>6} inputs pass"));
    }
    ui::line(format!("{} targets in {}", targets.len(), out.display()));
    Ok(())
}

/// Lays the folders out, runs the script, and returns `$OUT`.
fn build() -> Result<PathBuf> {
    let base = host::target().join("oss-fuzz");
    let (source, out, work) = (base.join("src"), base.join("out"), base.join("work"));
    for folder in [&out, &work] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    mutants::copy_tree(&source.join("xen"))?;
    // The image has a copy in $SRC; this one runs the script of OSS-Fuzz.
    let script = source.join("build.sh");
    fs::copy(host::root().join(".clusterfuzzlite/build.sh"), &script)
        .context("copying build.sh")?;

    let spinner = ui::spinner("building the targets with the address sanitizer");
    let mut build = Command::new("bash");
    build.arg("-eux").arg(&script).current_dir(source.join("xen"));
    build.envs(BUILDER).env("SRC", &source).env("OUT", &out).env("WORK", &work);
    build.env("CARGO_TARGET_DIR", base.join("target"));
    // The cargo that runs this program belongs to another toolchain.
    build.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
    let paths = env::var_os("PATH").unwrap_or_default();
    let paths = [tools::programs()].into_iter().chain(env::split_paths(&paths));
    let done = host::run(build.env("PATH", env::join_paths(paths)?));
    spinner.finish_and_clear();
    done?;
    Ok(out)
}

/// Compares the names in `$OUT` with those that the targets have there.
fn differences(targets: &[String], out: &Path) -> Result<Vec<String>> {
    let mut expected = BTreeSet::new();
    for target in targets {
        let names = [target.clone(), format!("{target}_seed_corpus.zip")];
        expected.extend(names.into_iter().chain([format!("{target}.options")]));
    }
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(out).with_context(|| format!("reading {}", out.display()))? {
        found.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    let missing = expected.difference(&found).map(|name| format!("no {name}"));
    let extra = found.difference(&expected).map(|name| format!("{name}, which no target has"));
    Ok(missing.chain(extra).collect())
}

/// Runs a target on the seed corpus of its archive, and returns the number of inputs.
fn run_corpus(target: &str, out: &Path) -> Result<usize> {
    let program = out.join(target);
    let mode = fs::metadata(&program)?.permissions().mode();
    ensure!(mode & 0o111 != 0, "{} is not executable", program.display());
    let folder = tempfile::tempdir()?;
    let archive = out.join(format!("{target}_seed_corpus.zip"));
    host::run(Command::new("unzip").args(["-q", "-d"]).arg(folder.path()).arg(&archive))?;
    let count = fs::read_dir(folder.path())?.count();
    let checked_in = fs::read_dir(host::root().join("fuzz/corpus").join(target))?.count();
    ensure!(count == checked_in, "{target}: found {count} inputs, expected {checked_in}");

    let mut run = Command::new(&program);
    let limit = "-max_len=1024";
    run.args(["-runs=0", limit]).arg(folder.path()).current_dir(folder.path());
    let done = run.stdin(Stdio::null()).output().context("starting the target")?;
    let text = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{target}: {}\n{text}", done.status);
    if !text.contains("inline 8-bit counters") {
        bail!("{target} has no counters of edges\n{text}");
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_extra_files_are_reported() {
        let out = tempfile::tempdir().unwrap();
        let targets = ["names".to_owned()];
        for name in ["names", "names.options", "other"] {
            fs::write(out.path().join(name), "").unwrap();
        }
        let wrong = differences(&targets, out.path()).unwrap();
        assert_eq!(wrong, ["no names_seed_corpus.zip", "other, which no target has"]);
        fs::rename(out.path().join("other"), out.path().join("names_seed_corpus.zip")).unwrap();
        assert!(differences(&targets, out.path()).unwrap().is_empty());
    }
}
