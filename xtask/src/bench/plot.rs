//! Picture of the ratios: one bar for each benchmark, and a line at the figure of C.

use std::fmt::Write as _;

use super::measure::{Row, Verdict};
use super::rows::Target;

const LEFT: f64 = 150.0;
const SCALE: f64 = 300.0;
const HEIGHT: usize = 24;

/// Draws the rows; a target that is not missed is green.
pub(super) fn svg(rows: &[Row]) -> String {
    let height = 60 + rows.len() * HEIGHT;
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{LEFT}" y="18">Rust as a multiple of C: instructions (less is better), speed (more is better)</text>"##
    );
    for (index, row) in rows.iter().enumerate() {
        let (top, text) = (30 + index * HEIGHT, 44 + index * HEIGHT);
        let unit = match row.case.target {
            Target::Instructions(_) => "of C's instructions",
            Target::Throughput(_) => "of C's speed",
        };
        let colour = if row.verdict() == Verdict::Missed { "#c0392b" } else { "#2e8b57" };
        let _ = writeln!(
            out,
            r#"<text x="{}" y="{text}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            row.case.name
        );
        let Some(ratio) = row.figure() else {
            let _ = writeln!(out, r#"<text x="{}" y="{text}">not measured</text>"#, LEFT + 6.0);
            continue;
        };
        let width = ratio.min(2.0) * SCALE;
        let _ = writeln!(
            out,
            r#"<rect x="{LEFT}" y="{top}" width="{width:.1}" height="{}" fill="{colour}"/>
<text x="{:.1}" y="{text}">{ratio:.2} {unit}</text>"#,
            HEIGHT - 8,
            LEFT + width + 6.0,
        );
    }
    let (x, end) = (LEFT + SCALE, height - 24);
    let _ = writeln!(
        out,
        r##"<line x1="{x}" y1="24" x2="{x}" y2="{end}" stroke="#333333" stroke-dasharray="4 3"/>
<text x="{x}" y="{}" text-anchor="middle">C</text>
</svg>"##,
        height - 8
    );
    out
}
