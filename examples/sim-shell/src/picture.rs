//! A picture of the first moments of a world's record: the rows of the timeline, with an arrow for
//! each event from domain to domain.

use std::collections::BTreeMap;
use std::fmt::Write;
use xen_sim::TraceEvent;

use crate::timeline::{Kind, laid_out};

/// Shown time, in microseconds from the first event.
const WINDOW: f64 = 620.0;

const LEFT: f64 = 190.0;
const SCALE: f64 = 1.5;
const ROW: f64 = 22.0;
const GAP: f64 = 26.0;
const TOP: f64 = 52.0;
const KINDS: [Kind; 3] = [Kind::Events, Kind::Hypercalls, Kind::Grants];
const COLOURS: [&str; 3] = ["#2f81d6", "#8d6cc9", "#d9822b"];

/// Draws a record as SVG. `names` are those of the domains by their number.
pub fn svg(record: &[TraceEvent], names: &BTreeMap<u16, String>) -> String {
    let first = record.first().map_or(0.0, |event| event.at as f64 / 1000.0);
    let block = ROW * KINDS.len() as f64 + GAP;
    let (width, height) = (LEFT + WINDOW * SCALE + 20.0, TOP + block * names.len() as f64);
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string can't fail.
        let _ = writeln!(out, "{text}");
    };
    line(format_args!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}" "#,
            r#"font-family="sans-serif" font-size="12">"#
        ),
        width, height
    ));
    line(format_args!(r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##));
    for mark in 0..=(WINDOW as u32 / 100) {
        let x = LEFT + f64::from(mark) * 100.0 * SCALE;
        line(format_args!(r##"<path d="M{x} 34V{height}" stroke="#dddddd"/>"##));
        line(format_args!(
            r##"<text x="{x}" y="26" text-anchor="middle" fill="#555555">{} us</text>"##,
            mark * 100
        ));
    }
    let domains: Vec<u16> = names.keys().copied().collect();
    let row = |domain: u16, kind: usize| {
        let index = domains.iter().position(|&known| known == domain)?;
        Some(TOP + block * index as f64 + ROW * kind as f64)
    };
    for (&domain, name) in names {
        let Some(y) = row(domain, 0) else { continue };
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        line(format_args!(
            r#"<text x="12" y="{}" font-weight="bold">d{domain} {name}</text>"#,
            y - 6.0
        ));
        for (index, kind) in KINDS.iter().enumerate() {
            let y = y + ROW * index as f64;
            line(format_args!(
                r##"<text x="{}" y="{}" text-anchor="end" fill="#555555">{}</text>"##,
                LEFT - 10.0,
                y + 14.0,
                kind.name()
            ));
            line(format_args!(
                r##"<rect x="{LEFT}" y="{y}" width="{}" height="{}" fill="#f4f4f4"/>"##,
                WINDOW * SCALE,
                ROW - 4.0
            ));
        }
    }
    // One path for all marks of a row, and one for all lines of a kind: a tenth of the size.
    let mut marks: BTreeMap<(u16, usize), String> = BTreeMap::new();
    let mut lines = String::new();
    for (start, kind, event) in laid_out(record) {
        let (Some(index), Some(domain)) =
            (KINDS.iter().position(|&known| known == kind), event.domain)
        else {
            continue;
        };
        let x = LEFT + (start - first) * SCALE;
        let Some(y) = row(domain.0, index).filter(|_| start - first < WINDOW) else { continue };
        let _ = write!(marks.entry((domain.0, index)).or_default(), "M{x:.1} {y}v{}", ROW - 4.0);
        let peer = event
            .what
            .split_once(" notifies ")
            .and_then(|(_, rest)| rest.rsplit_once("of domain "));
        if let Some(peer) =
            peer.and_then(|(_, id)| row(id.parse().ok()?, 0)).filter(|&peer| peer != y)
        {
            let _ = write!(lines, "M{x:.1} {}V{}", y + ROW / 2.0 - 2.0, peer + ROW / 2.0 - 2.0);
        }
    }
    let path = |d: &str, colour: &str, more: &str| {
        format!(r#"<path d="{d}" stroke="{colour}" stroke-width="0.6"{more}/>"#)
    };
    line(format_args!("{}", path(&lines, COLOURS[0], r#" stroke-opacity="0.3""#)));
    for ((_, index), d) in &marks {
        line(format_args!("{}", path(d, COLOURS[*index], "")));
    }
    line(format_args!("</svg>"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_hypercall::DomId;

    #[test]
    fn event_is_a_mark_and_line() {
        let event =
            |at, what: &str| TraceEvent { at, domain: Some(DomId(1)), what: what.to_owned() };
        let record = [
            event(1_000, "port 3 notifies port 4 of domain 2"),
            event(90_000_000, "copied 3 bytes"),
        ];
        let svg = svg(&record, &BTreeMap::from([(1, "a".to_owned()), (2, "<b>".to_owned())]));
        assert_eq!(svg.matches("v18").count(), 1, "what comes later is not drawn");
        assert!(svg.contains(r#"<path d="M190.0 61V153""#), "{svg}");
        assert!(svg.contains("d2 &lt;b>"));
    }
}
