//! A world's record in the format of Chrome's tracing, for chrome://tracing, ui.perfetto.dev and
//! Speedscope.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::mem;
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
    let mut separator = "";
    for entry in entries(record, names) {
        // Writing to a string can't fail.
        let _ = write!(out, "{}{entry}", mem::replace(&mut separator, ",\n"));
    }
    out.push_str("\n]}\n");
    out
}

fn entries(record: &[TraceEvent], names: &BTreeMap<u16, String>) -> Vec<Value> {
    let pid = |domain: Option<u16>| domain.map_or(0, |domain| u32::from(domain) + 1);
    let mut entries = vec![label("process_name", 0, 0, "Xen")];
    for (&domain, name) in names {
        let pid = pid(Some(domain));
        entries.push(label("process_name", pid, 0, &format!("d{domain} {name}")));
        let row = |kind: Kind| label("thread_name", pid, kind as u32, kind.name());
        entries.extend(Kind::ALL.map(row));
    }
    let mut counts: BTreeMap<(u64, u32), [u64; Kind::ALL.len()]> = BTreeMap::new();
    for (start, kind, event) in laid_out(record) {
        let pid = pid(event.domain.map(|domain| domain.0));
        entries.push(json!({
            "ph": "X",
            "name": title(&event.what),
            "cat": kind.name(),
            "pid": pid,
            "tid": kind as u32,
            "ts": start,
            "dur": WIDTH,
            "args": {"what": event.what},
        }));
        counts.entry((event.at / BUCKET, pid)).or_default()[kind as usize] += 1;
    }
    let mut last = BTreeMap::new();
    for (&(bucket, pid), counts) in &counts {
        // A counter keeps its value until the next one.
        if let Some(before) = last.insert(pid, bucket).filter(|before| before + 1 < bucket) {
            entries.push(counter((before + 1) * BUCKET, pid, &Default::default()));
        }
        entries.push(counter(bucket * BUCKET, pid, counts));
    }
    let ends =
        last.into_iter().map(|(pid, last)| counter((last + 1) * BUCKET, pid, &Default::default()));
    entries.extend(ends);
    entries
}

/// Names a process or a row.
fn label(what: &str, pid: u32, tid: u32, name: &str) -> Value {
    json!({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}})
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

fn counter(at: u64, pid: u32, counts: &[u64; Kind::ALL.len()]) -> Value {
    let [events, hypercalls, grants, _] = counts;
    json!({
        "ph": "C",
        "name": "per ms",
        "pid": pid,
        "tid": 0,
        "ts": at as f64 / 1000.0,
        "args": {"events": events, "hypercalls": hypercalls, "grants": grants},
    })
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
        let json: Value = serde_json::from_str(&json).unwrap();
        let entries = json["traceEvents"].as_array().unwrap();
        let of =
            |phase: &str| entries.iter().filter(|entry| entry["ph"] == phase).collect::<Vec<_>>();
        let [_, second, last] = of("X")[..] else { panic!("{json}") };
        assert_eq!((&second["name"], &second["cat"]), (&json!("notifies"), &json!("events")));
        assert_eq!((&second["pid"], &second["ts"]), (&json!(2), &json!(1.2)));
        assert_eq!(last["args"]["what"], "shut down: \"poweroff\"");
        assert_eq!((of("C").len(), of("M").len()), (4, 6));
    }
}
