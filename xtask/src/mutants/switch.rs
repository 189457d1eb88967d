//! All mutants of a sample in one build: each is compiled beside the code that it replaces, and an
//! environment variable of the test process selects one.

use std::ops::Range;

use super::list::Mutant;
use super::source::Place;

/// Variable with the number of the active mutant.
pub(super) const VARIABLE: &str = "MUTANT_SWITCH";
/// Variable with the folder to which test processes write the reached mutants.
pub(super) const REACHED: &str = "MUTANT_REACHED";
/// Exit code of a test binary with mutants if the variable is `probe`.
pub(super) const PROBE_CODE: i32 = 77;
/// Crate that reads the variable once, before `main`, as tests count allocations.
pub(super) const CRATE: &str = "mutant-switch";

pub(super) const MANIFEST: &str = "[package]
name = \"mutant-switch\"
version = \"0.0.0\"
edition = \"2024\"
publish = false
";

/// Returns the source of that crate, for numbers below `count`. A test process with [`REACHED`] in
/// its environment writes a byte for each mutant at its end: 1 if the mutant's place was run.
pub(super) fn library(count: usize) -> String {
    format!(
        "use std::sync::atomic::{{AtomicBool, AtomicU8, AtomicUsize, Ordering}};
static ON: AtomicUsize = AtomicUsize::new(usize::MAX);
static RECORDS: AtomicBool = AtomicBool::new(false);
static REACHED: [AtomicU8; {count}] = [const {{ AtomicU8::new(0) }}; {count}];
#[inline]
pub fn on(number: usize) -> bool {{
    if RECORDS.load(Ordering::Relaxed) {{
        REACHED[number].store(1, Ordering::Relaxed);
    }}
    ON.load(Ordering::Relaxed) == number
}}
extern \"C\" fn read() {{
    RECORDS.store(std::env::var_os(\"{REACHED}\").is_some(), Ordering::Relaxed);
    let Ok(text) = std::env::var(\"{VARIABLE}\") else {{ return }};
    if text == \"probe\" {{
        std::process::exit({PROBE_CODE});
    }}
    ON.store(text.parse().unwrap_or(usize::MAX), Ordering::Relaxed);
}}
extern \"C\" fn write() {{
    let Ok(folder) = std::env::var(\"{REACHED}\") else {{ return }};
    let bytes: Vec<u8> = REACHED.iter().map(|reached| reached.load(Ordering::Relaxed)).collect();
    let _ = std::fs::write(format!(\"{{folder}}/{{}}\", std::process::id()), bytes);
}}
#[used]
#[unsafe(link_section = \".init_array\")]
static READ: extern \"C\" fn() = read;
#[used]
#[unsafe(link_section = \".fini_array\")]
static WRITE: extern \"C\" fn() = write;
"
    )
}

/// A file with mutants in it.
#[derive(Debug, Default)]
pub(super) struct Switched {
    pub(super) text: String,
    /// For each mutant its number, and where the new code stands.
    pub(super) new: Vec<(usize, Range<usize>)>,
    /// For each mutant its number, and all that it switches, the old code included.
    pub(super) around: Vec<(usize, Range<usize>)>,
    /// Old text: where it stands now, and where it stood.
    copied: Vec<(usize, usize)>,
}

impl Switched {
    /// Returns where a byte stood in the file without mutants, or where the new code that it is in
    /// was put.
    pub(super) fn origin(&self, byte: usize) -> usize {
        let index = self.copied.partition_point(|(now, _)| *now <= byte);
        let Some((now, then)) = index.checked_sub(1).and_then(|index| self.copied.get(index))
        else {
            return 0;
        };
        let end = self.copied.get(index).map_or(usize::MAX, |(_, then)| *then);
        (then + byte - now).min(end)
    }
}

/// Text that is put in, and the mutant whose new code it has.
struct Piece {
    text: String,
    new: Option<(usize, Range<usize>)>,
    begins: Option<usize>,
    ends: Option<usize>,
}

/// Puts the mutants of a file, each with its number, into the file's text. Those without a place
/// are left out.
pub(super) fn switched(original: &str, mutants: &[(usize, &Mutant)]) -> Switched {
    let mut before: Vec<(Range<usize>, Piece)> = Vec::new();
    let mut after: Vec<(Range<usize>, Piece)> = Vec::new();
    for (number, mutant) in mutants {
        let on = format!("::mutant_switch::on({number})");
        let (range, prefix, new, middle, suffix) = match &mutant.place {
            Place::Body(at) => (
                *at..*at,
                format!("if {on} {{ return "),
                mutant.replacement.clone(),
                "; } ".to_owned(),
                "",
            ),
            Place::Expr(range) => {
                let start = &original[range.start..mutant.span.start];
                let end = &original[mutant.span.end..range.end];
                let new = format!("{start}{}{end}", mutant.replacement);
                (range.clone(), format!("(if {on} {{ "), new, " } else { ".to_owned(), " })")
            }
            Place::Statement(range) => {
                (range.clone(), format!("if !{on} {{ "), String::new(), String::new(), " }")
            }
            Place::Condition(range, true) => {
                (range.clone(), format!("!{on} && "), String::new(), String::new(), "")
            }
            Place::Condition(range, false) | Place::Guard(range) => {
                (range.clone(), format!("!{on} && ("), String::new(), String::new(), ")")
            }
            Place::Pattern(at) => {
                (*at..*at, format!(" if !{on}"), String::new(), String::new(), "")
            }
            Place::Nowhere => continue,
        };
        let place = prefix.len()..prefix.len() + new.len();
        let text = format!("{prefix}{new}{middle}");
        let ends = range.is_empty().then_some(*number);
        before.push((
            range.clone(),
            Piece { text, new: Some((*number, place)), begins: Some(*number), ends },
        ));
        if !range.is_empty() {
            let text = suffix.to_owned();
            after.push((range, Piece { text, new: None, begins: None, ends: Some(*number) }));
        }
    }
    // Outer ranges start first and end last.
    before.sort_by_key(|(range, _)| (range.start, !range.is_empty(), usize::MAX - range.end));
    after.reverse();
    after.sort_by_key(|(range, _)| (range.end, usize::MAX - range.start));
    let mut pieces: Vec<(usize, bool, Piece)> = Vec::new();
    pieces.extend(after.into_iter().map(|(range, piece)| (range.end, false, piece)));
    pieces.extend(before.into_iter().map(|(range, piece)| (range.start, true, piece)));
    // What ends at a place comes before what starts there.
    pieces.sort_by_key(|(at, starts, _)| (*at, *starts));
    compose(original, pieces)
}

fn compose(original: &str, pieces: Vec<(usize, bool, Piece)>) -> Switched {
    let mut switched = Switched::default();
    let mut started = std::collections::BTreeMap::new();
    let mut copied = 0;
    for (at, _, piece) in pieces {
        switched.copied.push((switched.text.len(), copied));
        switched.text.push_str(&original[copied..at]);
        copied = at;
        let base = switched.text.len();
        switched.text.push_str(&piece.text);
        if let Some((number, range)) = piece.new {
            switched.new.push((number, base + range.start..base + range.end));
        }
        if let Some(number) = piece.begins {
            started.insert(number, base);
        }
        if let Some(start) =
            piece.ends.and_then(|number| started.get(&number).map(|start| (number, *start)))
        {
            switched.around.push((start.0, start.1..switched.text.len()));
        }
    }
    switched.copied.push((switched.text.len(), copied));
    switched.text.push_str(&original[copied..]);
    switched
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(original: &str, old: &str, new: &str, place: Place) -> Mutant {
        let start = original.find(old).unwrap();
        Mutant::for_test(start..start + old.len(), new, place)
    }

    #[test]
    fn nested_mutants_stand_beside_old_code() {
        let code = "fn f() { g(1 + 2); }";
        let statement = code.find("g(").unwrap()..code.len() - 2;
        let sum = code.find("1 +").unwrap()..code.find(");").unwrap();
        let mutants = [
            mutant(code, "g(1 + 2);", "", Place::Statement(statement.clone())),
            mutant(code, "+", "-", Place::Expr(sum.clone())),
            mutant(code, "+", "*", Place::Expr(sum)),
            mutant(code, "g(1 + 2);", "()", Place::Body(statement.start)),
        ];
        let numbered: Vec<_> = mutants.iter().enumerate().collect();
        let switched = switched(code, &numbered);
        let text = switched.text.replace("::mutant_switch::on", "on");
        let expected = "fn f() { if on(3) { return (); } if !on(0) { g((if on(1) { 1 - 2 } else { \
            (if on(2) { 1 * 2 } else { 1 + 2 }) })); } }";
        assert_eq!(text, expected);
        let (_, new) = switched.new.iter().find(|(number, _)| *number == 2).unwrap();
        assert_eq!(&switched.text[new.clone()], "1 * 2");
        let (_, around) = switched.around.iter().find(|(number, _)| *number == 0).unwrap();
        let (now, then) = (switched.text.rfind('}').unwrap(), code.rfind('}').unwrap());
        assert_eq!(
            (switched.origin(now), switched.origin(3), switched.origin(20)),
            (then, 3, statement.start)
        );
        assert!(
            switched.text[around.clone()].starts_with("if !")
                && switched.text[around.clone()].ends_with("; }")
        );
    }

    #[test]
    fn arms_and_conditions_get_a_switch() {
        let code = "match a { 1 => b, _ if c || d => { if e || f { g } } }";
        let find = |text: &str| code.find(text).unwrap()..code.find(text).unwrap() + text.len();
        let mutants = [
            mutant(code, "1 => b", "", Place::Pattern(find("1").end)),
            mutant(code, "_ if c || d => { if e || f { g } }", "", Place::Guard(find("c || d"))),
            mutant(code, "e || f", "false && (e || f)", Place::Condition(find("e || f"), false)),
        ];
        let numbered: Vec<_> = mutants.iter().enumerate().collect();
        let text = switched(code, &numbered).text.replace("::mutant_switch::on", "on");
        assert_eq!(
            text,
            "match a { 1 if !on(0) => b, _ if !on(1) && (c || d) => \
             { if !on(2) && (e || f) { g } } }"
        );
    }
}
