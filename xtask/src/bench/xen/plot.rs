//! Picture of the ratios: our speed as a multiple of Linux's, with the targets.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::super::plot::{MET, MISSED, Picture};
use super::report::Report;

const WIDTH: u32 = 1000;
const LEFT: i32 = 280;
/// Width of the multiple 1.
const SCALE: f64 = 20.0;
/// Largest multiple that is drawn to scale.
const MOST: f64 = 30.0;
const HEIGHT: i32 = 18;

/// Draws two bars for each row, and a line at each target.
pub(super) fn svg(report: &Report<'_>) -> Result<String> {
    let rows = report.rows();
    let height = u32::try_from(rows.len())? * 2 * HEIGHT.unsigned_abs() + 50;
    let mut out = String::new();
    let title =
        format!("Speed as a multiple of Linux's on Xen {}; a line is the target", report.xen);
    let picture = Picture::new(&mut out, (WIDTH, height), &title, LEFT)?;
    let bars = rows.iter().flat_map(|row| {
        let (ratios, target) = (row.ratios, row.target());
        let name = format!("{}, {}", row.case.name, row.variant.title());
        [
            (name, "of Linux", ratios.linux, target.linux),
            (String::new(), "of Linux with a native TSC", ratios.native, target.native),
        ]
    });
    for (top, (name, unit, ratio, target)) in (30..).step_by(HEIGHT as usize).zip(bars) {
        let middle = top + HEIGHT / 3;
        let x = |ratio: f64| LEFT + (ratio.min(MOST) * SCALE) as i32;
        let colour = if ratio >= target { MET } else { MISSED };
        picture.text(&name, (LEFT - 8, middle), HPos::Right)?;
        let bar = [(LEFT, top), (x(ratio), top + HEIGHT - 6)];
        picture.area.draw(&Rectangle::new(bar, colour.filled()))?;
        let line = vec![(x(target), top - 2), (x(target), top + HEIGHT - 4)];
        picture.area.draw(&PathElement::new(line, BLACK))?;
        let text = format!("{ratio:.2} {unit}");
        picture.text(&text, (x(ratio.max(target)) + 6, middle), HPos::Left)?;
    }
    picture.area.present()?;
    drop(picture);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn picture_has_both_ratios() {
        let picture = svg(&report()).unwrap();
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
        assert!(picture.contains("7.00 of Linux") && picture.contains("3.00 of Linux with"));
    }
}
