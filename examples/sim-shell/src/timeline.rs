//! A world's record in the format of Chrome's tracing, for chrome://tracing, ui.perfetto.dev and
//! Speedscope.

use std::collections::BTreeMap;
use std::fmt::Write;
use xen_sim::TraceEvent;

/// Shown duration of an event without duration in the simulated world, in microseconds.
const WIDTH: f64 = 0.2;

/// The interval of the counters, in nanoseconds.
const BUCKET: u64 = 1_000_000;

/// Writes a record as JSON: one process for each domain, with a row for each kind of thing, and a
/// counter of how many there were.
///
/// `names` are those of the domains by their number.
pub fn chrome(record: &[TraceEvent], names: &BTreeMap<u16, String>) -> String {
    let mut out = String::from("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
    let pid = |domain: Option<u16>| domain.map_or(0, |domain| u32::from(domain) + 1);
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string can't fail.
        let _ = writeln!(out, "{text},");
    };
    line(format_args!(
        r#"{{"ph":"M","name":"process_name","pid":0,"tid":0,"args":{{"name":"Xen"}}}}"#
    ));
    for (&domain, name) in names {
        let (pid, name) = (pid(Some(domain)), quoted(&format!("d{domain} {name}")));
        line(format_args!(
            r#"{{"ph":"M","name":"process_name","pid":{pid},"tid":0,"args":{{"name":{name}}}}}"#
        ));
        for kind in Kind::ALL {
            let (tid, name) = (kind as u32, quoted(kind.name()));
            line(format_args!(
                concat!(
                    r#"{{"ph":"M","name":"thread_name","pid":{},"tid":{},"#,
                    r#""args":{{"name":{}}}}}"#
                ),
                pid, tid, name
            ));
        }
    }
    let mut counts: BTreeMap<(u64, u32), [u64; Kind::ALL.len()]> = BTreeMap::new();
    for (start, kind, event) in laid_out(record) {
        let pid = pid(event.domain.map(|domain| domain.0));
        let (name, what) = (quoted(title(&event.what)), quoted(&event.what));
        line(format_args!(
            concat!(
                r#"{{"ph":"X","name":{},"cat":"{}","pid":{},"tid":{},"#,
                r#""ts":{:.1},"dur":{},"args":{{"what":{}}}}}"#
            ),
            name,
            kind.name(),
            pid,
            kind as u32,
            start,
            WIDTH,
            what,
        ));
        counts.entry((event.at / BUCKET, pid)).or_default()[kind as usize] += 1;
    }
    let mut last = BTreeMap::new();
    for (&(bucket, pid), counts) in &counts {
        // A counter stays where it is until it is said to be elsewhere.
        if let Some(before) = last.insert(pid, bucket).filter(|before| before + 1 < bucket) {
            counter(&mut line, (before + 1) * BUCKET, pid, &Default::default());
        }
        counter(&mut line, bucket * BUCKET, pid, counts);
    }
    for (pid, bucket) in last {
        counter(&mut line, (bucket + 1) * BUCKET, pid, &Default::default());
    }
    // The last one is followed by no comma.
    out.truncate(out.trim_end_matches(",\n").len());
    out.push_str("\n]}\n");
    out
}

/// Returns each event with its row and its shown time, in microseconds: side by side with others of
/// the same moment.
pub(crate) fn laid_out(record: &[TraceEvent]) -> impl Iterator<Item = (f64, Kind, &TraceEvent)> {
    let mut next: BTreeMap<(Option<u16>, u32), f64> = BTreeMap::new();
    record.iter().map(move |event| {
        let kind = Kind::of(&event.what);
        let at = next.entry((event.domain.map(|domain| domain.0), kind as u32)).or_default();
        let start = at.max(event.at as f64 / 1000.0);
        *at = start + WIDTH;
        (start, kind, event)
    })
}

fn counter(
    line: &mut impl FnMut(std::fmt::Arguments<'_>),
    at: u64,
    pid: u32,
    counts: &[u64; Kind::ALL.len()],
) {
    let [events, hypercalls, grants, _] = counts;
    line(format_args!(
        concat!(
            r#"{{"ph":"C","name":"per ms","pid":{},"tid":0,"ts":{},"#,
            r#""args":{{"events":{},"hypercalls":{},"grants":{}}}}}"#
        ),
        pid,
        at as f64 / 1000.0,
        events,
        hypercalls,
        grants,
    ));
}

/// The rows of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Events,
    Hypercalls,
    Grants,
    Other,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Events, Self::Hypercalls, Self::Grants, Self::Other];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Hypercalls => "hypercalls",
            Self::Grants => "grants",
            Self::Other => "other",
        }
    }

    fn of(what: &str) -> Self {
        if what.starts_with("port ") {
            Self::Events
        } else if what.starts_with("hypercall ") {
            Self::Hypercalls
        } else if what.contains("grant ") || what.starts_with("copied ") {
            Self::Grants
        } else {
            Self::Other
        }
    }
}

/// Returns the common name of similar events: the words before the first number.
fn title(what: &str) -> &str {
    let what = what.strip_prefix("hypercall ").unwrap_or(what);
    if let Some((_, rest)) = what.strip_prefix("port ").and_then(|rest| rest.split_once(' ')) {
        return rest.split(' ').next().unwrap_or(rest);
    }
    let end = what.find(|c: char| c.is_ascii_digit() || c == ':').unwrap_or(what.len());
    what[..end].trim_end()
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_hypercall::DomId;

    #[test]
    fn record_becomes_rows_and_counters() {
        let event =
            |at, what: &str| TraceEvent { at, domain: Some(DomId(1)), what: what.to_owned() };
        let record = [
            event(1_000, "port 3 notifies port 4 of domain 2"),
            event(1_000, "port 3 notifies port 4 of domain 2"),
            event(9_000_000, "shut down: \"poweroff\""),
        ];
        let json = chrome(&record, &BTreeMap::from([(1, "guest".to_owned())]));
        assert!(json.starts_with('{') && json.ends_with("}\n]}\n"));
        assert!(
            json.contains(r#""name":"notifies","cat":"events","pid":2,"tid":0,"ts":1.2"#),
            "{json}"
        );
        assert!(json.contains(r#""what":"shut down: \"poweroff\"""#));
        assert_eq!(json.matches(r#""ph":"C""#).count(), 4);
    }
}
