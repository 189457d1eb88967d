//! The tree that mutants are built in, and its test binaries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{DependencyKind, MetadataCommand};
use serde_json::Value;

use super::list::{Mutant, PACKAGES};
use super::switch::{self, Switched};
use super::{ordering, source::Source};
use crate::host;

/// Packages that test the mutated crates, besides these.
const USERS: [&str; 4] =
    ["xen-sim", "xen-example-shell", "xen-example-driver-domain", "xen-example-sim-shell"];
/// Errors of the new code: the same change does not compile alone either.
const OF_NEW_CODE: [&str; 20] = [
    "E0061", "E0070", "E0107", "E0277", "E0282", "E0283", "E0308", "E0369", "E0412", "E0423",
    "E0425", "E0432", "E0433", "E0434", "E0599", "E0600", "E0604", "E0605", "E0606", "E0614",
];

/// Test binary.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) package: String,
    /// Command that runs it.
    pub(super) command: String,
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
    /// `true` for a model, which loom runs.
    pub(super) model: bool,
}

/// Copy of the workspace, and its build.
pub(super) struct Tree {
    pub(super) root: PathBuf,
    target: PathBuf,
    features: Vec<String>,
    /// Mutated packages in the tests of each package.
    pub(super) contains: BTreeMap<String, BTreeSet<String>>,
}

/// Mutants that the compiler rejects.
#[derive(Default)]
pub(super) struct Rejected {
    /// Mutants that compile neither here nor alone.
    pub(super) unviable: BTreeSet<usize>,
    /// Mutants that compile only alone.
    pub(super) alone: BTreeSet<usize>,
}

impl Tree {
    /// Copies the workspace to `root`; files that did not change keep their time.
    pub(super) fn copy(root: PathBuf, target: PathBuf) -> Result<Self> {
        let files = ordering::source_files()?;
        let wanted: BTreeSet<_> = files.iter().cloned().collect();
        for file in files_below(&root)? {
            let name = file.strip_prefix(&root)?;
            if !wanted.contains(name) && !name.starts_with(switch::CRATE) {
                fs::remove_file(&file)?;
            }
        }
        for file in &files {
            write(&root.join(file), &fs::read(host::root().join(file))?)?;
        }
        let tree = Self { root, target, features: Vec::new(), contains: BTreeMap::new() };
        tree.with_metadata()
    }

    fn with_metadata(mut self) -> Result<Self> {
        let mut command = MetadataCommand::new();
        let metadata =
            command.cargo_path(host::cargo()).current_dir(&self.root).no_deps().exec()?;
        // Of each package its direct dependencies: those of the library, and those of tests.
        let mut direct: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for package in &metadata.packages {
            let name = package.name.as_str();
            if PACKAGES.contains(&name) {
                let usual = package
                    .features
                    .keys()
                    .filter(|feature| *feature != "default" && !feature.contains("loom"));
                self.features.extend(usual.map(|feature| format!("{name}/{feature}")));
            }
            let (normal, test) = direct.entry(name.to_owned()).or_default();
            for dependency in &package.dependencies {
                match dependency.kind {
                    DependencyKind::Normal => normal.insert(dependency.name.clone()),
                    _ => test.insert(dependency.name.clone()),
                };
            }
        }
        for package in PACKAGES.iter().chain(&USERS) {
            let (normal, test) = direct.get(*package).cloned().unwrap_or_default();
            let mut all: BTreeSet<String> = [(*package).to_owned()].into();
            let mut next: Vec<_> = normal.into_iter().chain(test).collect();
            while let Some(name) = next.pop() {
                if let Some((normal, _)) = direct.get(&name)
                    && all.insert(name)
                {
                    next.extend(normal.iter().cloned());
                }
            }
            all.retain(|name| PACKAGES.contains(&name.as_str()));
            self.contains.insert((*package).to_owned(), all);
        }
        Ok(self)
    }

    /// Puts mutants into the tree; returns what became of each file.
    pub(super) fn switch(
        &self,
        sources: &BTreeMap<String, Source>,
        mutants: &BTreeMap<usize, &Mutant>,
    ) -> Result<BTreeMap<String, Switched>> {
        let count = mutants.last_key_value().map_or(1, |(last, _)| last + 1);
        write(&self.root.join(switch::CRATE).join("Cargo.toml"), switch::MANIFEST.as_bytes())?;
        write(
            &self.root.join(switch::CRATE).join("src/lib.rs"),
            switch::library(count).as_bytes(),
        )?;
        for package in PACKAGES {
            self.depend(&self.root.join(package).join("Cargo.toml"), "..")?;
            let model = self.root.join("models").join(package).join("Cargo.toml");
            if model.is_file() {
                self.depend(&model, "../..")?;
            }
        }
        let mut all = BTreeMap::new();
        for (file, source) in sources {
            let here = mutants.iter().filter(|(_, mutant)| mutant.file == *file);
            let here: Vec<_> = here.map(|(number, mutant)| (*number, *mutant)).collect();
            let switched = switch::switched(&source.text, &here);
            write(&self.root.join(file), switched.text.as_bytes())?;
            all.insert(file.clone(), switched);
        }
        Ok(all)
    }

    /// Adds the crate of the switch, which is in `folder`, to a manifest's dependencies.
    fn depend(&self, path: &Path, folder: &str) -> Result<()> {
        let manifest = fs::read_to_string(path)?;
        let line = format!("[dependencies]\n{0} = {{ path = \"{folder}/{0}\" }}\n", switch::CRATE);
        if !manifest.contains(&line) {
            ensure!(
                manifest.contains("[dependencies]\n"),
                "{} has no [dependencies]",
                path.display()
            );
            write(path, manifest.replacen("[dependencies]\n", &line, 1).as_bytes())?;
        }
        Ok(())
    }

    /// Replaces one file's text.
    pub(super) fn replace(&self, file: &str, text: &str) -> Result<()> {
        write(&self.root.join(file), text.as_bytes())
    }

    fn cargo(&self, args: &[&str], packages: &[&str]) -> Command {
        let mut cargo = Command::new(host::cargo());
        cargo.args(args).current_dir(&self.root).stdin(Stdio::null());
        packages.iter().for_each(|package| {
            cargo.args(["-p", package]);
        });
        // Features of a package that is not built would be an error.
        let ours =
            |feature: &&String| packages.iter().any(|p| feature.starts_with(&format!("{p}/")));
        let features: Vec<_> = self.features.iter().filter(ours).map(String::as_str).collect();
        cargo.arg("--features").arg(features.join(","));
        cargo.env("CARGO_TARGET_DIR", &self.target).env("RUSTFLAGS", "--cap-lints allow");
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
        cargo
            .env("CARGO_INCREMENTAL", "0")
            .env_remove(switch::VARIABLE)
            .env_remove(switch::REACHED);
        cargo
    }

    /// Returns the command that runs the documentation's examples of a package.
    pub(super) fn examples(&self, package: &str) -> Command {
        self.cargo(&["test", "--quiet", "--doc"], &[package])
    }

    /// Checks the mutated libraries; returns the compiler's messages, of errors only.
    pub(super) fn check(&self, packages: &[&str]) -> Result<Vec<Value>> {
        let args = ["check", "--lib", "--keep-going", "--message-format=json", "--quiet"];
        Ok(messages(&mut self.cargo(&args, packages))?.0)
    }

    /// Builds all tests; returns them, or the compiler's errors.
    pub(super) fn tests(&self) -> Result<(Vec<Value>, Vec<Test>)> {
        let packages: Vec<_> = PACKAGES.iter().chain(&USERS).copied().collect();
        self.tests_in(&packages)
    }

    /// Builds the tests of some packages; returns them, or the compiler's errors.
    pub(super) fn tests_in(&self, packages: &[&str]) -> Result<(Vec<Value>, Vec<Test>)> {
        let args = ["test", "--no-run", "--message-format=json", "--quiet"];
        let (errors, artifacts) = messages(&mut self.cargo(&args, packages))?;
        Ok((errors, tests_of(&artifacts, false)))
    }

    /// Builds the tests of one package.
    pub(super) fn tests_of(&self, package: &str) -> Result<Vec<Test>> {
        let args = ["test", "--no-run", "--message-format=json", "--quiet"];
        let (errors, artifacts) = messages(&mut self.cargo(&args, &[package]))?;
        if let Some(error) = errors.first() {
            bail!("{}", rendered(error));
        }
        Ok(tests_of(&artifacts, false))
    }

    /// Builds the models.
    pub(super) fn models(&self) -> Result<Vec<Test>> {
        let mut command = ordering::models_of(&self.root, &self.target.join("loom"));
        command.args(["--no-run", "--message-format=json"]).stdin(Stdio::null());
        command.env("RUSTFLAGS", "--cfg loom --cap-lints allow").env_remove(switch::VARIABLE);
        let (errors, artifacts) = messages(&mut command)?;
        if let Some(error) = errors.first() {
            bail!("the models do not build: {}", rendered(error));
        }
        Ok(tests_of(&artifacts, true))
    }
}

/// Runs cargo; returns its compiler's errors and its artifacts.
fn messages(cargo: &mut Command) -> Result<(Vec<Value>, Vec<Value>)> {
    let done = cargo.output().context("starting cargo")?;
    let (mut errors, mut artifacts) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        match message["reason"].as_str() {
            Some("compiler-message") if message["message"]["level"] == "error" => {
                errors.push(message);
            }
            Some("compiler-artifact") => artifacts.push(message),
            _ => {}
        }
    }
    if !done.status.success() && errors.is_empty() {
        bail!("{}: {}", host::describe(cargo), String::from_utf8_lossy(&done.stderr));
    }
    Ok((errors, artifacts))
}

fn tests_of(artifacts: &[Value], model: bool) -> Vec<Test> {
    let test = |artifact: &Value| {
        let program = PathBuf::from(artifact["executable"].as_str()?);
        if artifact["profile"]["test"] != true {
            return None;
        }
        let folder = Path::new(artifact["manifest_path"].as_str()?).parent()?.to_owned();
        let id = artifact["package_id"].as_str()?;
        // `path+file:///FOLDER#NAME@VERSION`, without NAME if the folder has it.
        let name = id.rsplit_once('#').map_or(id, |(_, name)| name);
        let package = match name.split_once('@') {
            Some((name, _)) => name.to_owned(),
            None => folder.file_name()?.to_string_lossy().into_owned(),
        };
        let (kind, name) =
            (artifact["target"]["kind"][0].as_str()?, artifact["target"]["name"].as_str()?);
        let target = match kind {
            "test" => format!("--test {name}"),
            "bin" => format!("--bin {name}"),
            _ => "--lib".to_owned(),
        };
        let command = match model {
            true => format!("the models, cargo test -p {package} {target}"),
            false => format!("cargo test -p {package} {target}"),
        };
        Some(Test { package, command, program, folder, model })
    };
    artifacts.iter().filter_map(test).collect()
}

/// Finds the mutants that a compiler's errors are about.
pub(super) fn rejected(
    errors: &[Value],
    files: &BTreeMap<String, Switched>,
    mutants: &BTreeMap<usize, &Mutant>,
    sources: &BTreeMap<String, Source>,
) -> Result<Rejected> {
    let mut rejected = Rejected::default();
    for error in errors {
        let message = &error["message"];
        let code = message["code"]["code"].as_str().unwrap_or_default();
        let mut found = false;
        let spans: Vec<_> =
            message["spans"].as_array().into_iter().flatten().map(outermost).collect();
        let primary = |span: &&&Value| span["is_primary"] == true;
        for span in spans.iter().filter(primary).chain(spans.iter().filter(|span| !primary(span))) {
            let Some((file, switched)) = span["file_name"]
                .as_str()
                .and_then(|name| files.iter().find(|(file, _)| name.ends_with(file.as_str())))
            else {
                continue;
            };
            let byte = |end: &str| {
                span[end].as_u64().and_then(|byte| usize::try_from(byte).ok()).unwrap_or(0)
            };
            let (start, end) = (byte("byte_start"), byte("byte_end"));
            let touched = |ranges: &[(usize, std::ops::Range<usize>)]| -> Vec<usize> {
                let here =
                    |range: &std::ops::Range<usize>| range.start <= start && end <= range.end;
                ranges.iter().filter(|(_, range)| here(range)).map(|(number, _)| *number).collect()
            };
            let new = touched(&switched.new);
            if !new.is_empty() {
                let opaque = |number: &usize| mutants[number].what.contains("-> impl");
                let certain = span["is_primary"] == true && OF_NEW_CODE.contains(&code);
                let (unviable, alone): (Vec<_>, Vec<_>) =
                    new.into_iter().partition(|number| certain && !opaque(number));
                rejected.unviable.extend(unviable);
                rejected.alone.extend(alone);
                found = true;
                break;
            }
            let around = touched(&switched.around);
            if !around.is_empty() {
                rejected.alone.extend(around);
                found = true;
                break;
            }
            // An effect elsewhere, such as a variable that is not set: all mutants of the function.
            let overlapping = |(_, range): &&(usize, std::ops::Range<usize>)| {
                range.start < end && start < range.end
            };
            let within: Vec<_> =
                switched.around.iter().filter(overlapping).map(|(number, _)| *number).collect();
            if !within.is_empty() {
                rejected.alone.extend(within);
                found = true;
                break;
            }
            let function = sources[file].function(switched.origin(start));
            let same = |number: &usize| {
                function
                    .as_ref()
                    .is_some_and(|function| function.contains(&mutants[number].span.start))
            };
            let near: Vec<_> =
                switched.around.iter().map(|(number, _)| *number).filter(same).collect();
            if !near.is_empty() {
                rejected.alone.extend(near);
                found = true;
                break;
            }
        }
        if !found && code.is_empty() && message["spans"].as_array().is_none_or(Vec::is_empty) {
            // `aborting due to ...`.
            continue;
        }
        ensure!(found, "an error that no mutant explains: {}", rendered(error));
    }
    Ok(rejected)
}

/// Returns where a span is in the source, outside all macros.
fn outermost(span: &Value) -> &Value {
    match &span["expansion"]["span"] {
        Value::Null => span,
        outer => outermost(outer),
    }
}

fn rendered(error: &Value) -> String {
    error["message"]["rendered"].as_str().unwrap_or_default().to_owned()
}

/// Writes a file, unless it has this content.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
