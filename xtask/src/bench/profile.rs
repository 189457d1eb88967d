//! The files of callgrind: the instructions of each function without its callees.

use std::collections::{BTreeMap, HashMap};

/// Sums the instructions of a profile by the crate that each function is from. In functions of
/// `program`, those of library crates that the compiler inlined count for their crate.
pub(super) fn by_crate(profile: &str, program: &str) -> BTreeMap<String, u64> {
    let (mut names, mut files) = (HashMap::new(), HashMap::new());
    let (mut function, mut file, mut is_call) = ("", "", false);
    let mut sums = BTreeMap::new();
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = resolve(&mut names, name);
        } else if let Some(name) =
            ["fl=", "fi=", "fe="].iter().find_map(|key| line.strip_prefix(key))
        {
            file = resolve(&mut files, name);
        } else if let Some(name) = line.strip_prefix("cfi=").or(line.strip_prefix("cfl=")) {
            resolve(&mut files, name);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            resolve(&mut names, name);
        } else if line.starts_with("calls=") {
            // The next line has the cost of the callee, which counts as its own.
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split_whitespace().nth(1).and_then(|cost| cost.parse::<u64>().ok());
            if !std::mem::take(&mut is_call) {
                let mut name = crate_of(function).to_owned();
                if name == program {
                    name = library_of_file(file).unwrap_or(name);
                }
                *sums.entry(name).or_default() += cost.unwrap_or(0);
            }
        }
    }
    sums
}

/// Returns the name in `(id) name`, or the one that `(id)` had before.
fn resolve<'p>(names: &mut HashMap<&'p str, &'p str>, entry: &'p str) -> &'p str {
    match entry.split_once(' ') {
        Some((id, name)) => {
            names.insert(id, name);
            name
        }
        None => names.get(entry).copied().unwrap_or(entry),
    }
}

/// Returns the crate of a demangled function, which for a method is that of its type.
fn crate_of(function: &str) -> &str {
    let mut rest = function;
    while let Some(inner) = ["<", "&", "mut ", "dyn ", "(", "["]
        .into_iter()
        .find_map(|prefix| rest.strip_prefix(prefix))
    {
        rest = inner;
    }
    match rest.split_once("::") {
        Some((name, _)) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => name,
        _ => "",
    }
}

/// Returns the library crate of a source file, from the name of the folder that its `src` is in.
fn library_of_file(file: &str) -> Option<String> {
    let folder = file.rsplit_once("/src/")?.0.rsplit('/').next()?;
    folder.starts_with("xen").then(|| folder.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "events: Ir\n\nfl=(1) a.rs\nfn=(1) xen_front::block::poll\n10 4\n+2 3\n\
        cfn=(2) <xen_ring::front::FrontRing<xen_sim::Domain> as xen_ring::Ring>::push\n\
        calls=2 20\n* 100\n-1 5\n\nfn=(2)\n20 90\ncfn=(3) memcpy\ncalls=1 0\n20 10\n\n\
        fn=(3)\n0 10\ntotals: 112\n";

    #[test]
    fn calls_count_for_the_callee() {
        let sums = by_crate(PROFILE, "program");
        let expected = [("", 10), ("xen_front", 12), ("xen_ring", 90)];
        assert_eq!(sums, expected.map(|(name, sum)| (name.to_owned(), sum)).into());
    }

    #[test]
    fn inlined_code_counts_for_its_file() {
        let profile = "fl=(1) /w/benches/src/main.rs\nfn=(1) program::main\n1 5\n\
            fi=(2) /w/xen-front/src/net/tx.rs\n7 20\nfe=(1)\n2 1\nfi=(2)\n8 3\n";
        let expected = [("program", 6), ("xen_front", 23)];
        let expected = expected.map(|(name, sum)| (name.to_owned(), sum)).into();
        assert_eq!(by_crate(profile, "program"), expected);
    }

    #[test]
    fn method_has_crate_of_its_type() {
        assert_eq!(crate_of("<xen_sim::Domain as xen_hypercall::Platform>::now"), "xen_sim");
        assert_eq!(crate_of("<&mut xen_grant::table::Table<P>>::end"), "xen_grant");
        assert_eq!(crate_of("core::ptr::drop_in_place<xen_grant::Granted>"), "core");
        assert_eq!(crate_of("0x0000000000024bc0"), "");
    }
}
