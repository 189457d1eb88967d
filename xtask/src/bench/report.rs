//! The table and the JSON file.

use super::drivers;
use super::measure::{Figure, Row, Verdict};
use super::rows::Target;
use super::stats::Median;
use crate::ui;
use anyhow::Result;
use serde_json::{Value, json};

const HEAD: &str = "benchmark       what is done                                 instructions     \
                    ratio       ns, least                speed  events   heap  target";

pub(super) fn print(rows: &[Row]) {
    ui::line(ui::dim(HEAD));
    ui::line(ui::dim(
        "                (Rust / C, per request, port or grant)          Rust/C                    \
         Rust/C",
    ));
    for row in rows {
        ui::line(line(row));
    }
}

fn line(row: &Row) -> String {
    let pair = |figure: Option<Figure>| {
        figure.map_or("-".to_owned(), |figure| format!("{:.1}/{:.1}", figure.rust, figure.c))
    };
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    let target = match row.case.target {
        Target::Instructions(most) => format!("ratio <= {most:.2}"),
        Target::Throughput(least) => format!("speed >= {least:.2}, events no more"),
    };
    let verdict = match row.verdict() {
        Verdict::Met => ui::green("met   "),
        Verdict::Even => ui::green("even  "),
        Verdict::Missed => ui::red("missed"),
    };
    format!(
        "{:<15} {:<41} {:>15} {:>9} {:>15} {:>20} {:>7} {:>6}  {verdict} {target}",
        row.case.name,
        row.case.what,
        pair(row.instructions),
        number(row.instructions.map(Figure::ratio)),
        pair(row.time),
        row.speed.map_or("-".to_owned(), |speed| format!(
            "{:.2} ({:.2} to {:.2})",
            speed.value, speed.low, speed.high
        )),
        if row.notifications.c == 0.0 {
            "-".to_owned()
        } else {
            number(Some(row.notifications.ratio()))
        },
        row.allocations,
    )
}

pub(super) fn json(rows: &[Row], drivers: &[drivers::Row]) -> Result<String> {
    let figure =
        |figure: Figure| json!({ "rust": figure.rust, "c": figure.c, "ratio": figure.ratio() });
    let median =
        |speed: Median| json!({ "median": speed.value, "low": speed.low, "high": speed.high });
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let (kind, target) = match row.case.target {
                Target::Instructions(most) => ("instructions, at most", most),
                Target::Throughput(least) => ("speed, at least", least),
            };
            json!({
                "name": row.case.name,
                "what": row.case.what,
                "target": { "kind": kind, "ratio": target },
                "verdict": match row.verdict() {
                    Verdict::Met => "met",
                    Verdict::Even => "even",
                    Verdict::Missed => "missed",
                },
                "instructions_per_unit": row.instructions.map(figure),
                "nanoseconds_per_unit": row.time.map(figure),
                "speed": row.speed.map(median),
                "notifications_per_unit": {
                    "rust": row.notifications.rust,
                    "c": row.notifications.c,
                    "error": row.notifications_error,
                },
                "most_speed": row.most_speed.map(median),
                "allocations": row.allocations,
            })
        })
        .collect();
    let drivers: Vec<Value> = drivers.iter().map(drivers::Row::json).collect();
    Ok(serde_json::to_string_pretty(&json!({ "rows": rows, "drivers": drivers }))? + "\n")
}
