//! Picture of the ratios: our speed as a multiple of Linux's, with the targets.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::report::Report;

const WIDTH: u32 = 1000;
const LEFT: i32 = 280;
/// Width of the multiple 1.
const SCALE: f64 = 20.0;
/// Largest multiple that is drawn to scale.
const MOST: f64 = 30.0;
const HEIGHT: i32 = 18;
const MISSED: RGBColor = RGBColor(0xc0, 0x39, 0x2b);
const MET: RGBColor = RGBColor(0x2e, 0x8b, 0x57);

/// Draws two bars for each row, and a line at each target.
pub(super) fn svg(report: &Report<'_>) -> Result<String> {
    let rows = report.rows();
    let height = u32::try_from(rows.len())? * 2 * HEIGHT.unsigned_abs() + 50;
    let mut out = String::new();
    let area = SVGBackend::with_string(&mut out, (WIDTH, height)).into_drawing_area();
    let font = ("sans-serif", 12).into_font().color(&BLACK);
    let left = font.pos(Pos::new(HPos::Left, VPos::Center));
    let right = font.pos(Pos::new(HPos::Right, VPos::Center));
    area.fill(&WHITE)?;
    area.draw(&Text::new(
        format!("Speed as a multiple of Linux's on Xen {}; a line is the target", report.xen),
        (LEFT, 14),
        left.clone(),
    ))?;
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
        area.draw(&Text::new(name, (LEFT - 8, middle), right.clone()))?;
        let bar = [(LEFT, top), (x(ratio), top + HEIGHT - 6)];
        area.draw(&Rectangle::new(bar, colour.filled()))?;
        let line = vec![(x(target), top - 2), (x(target), top + HEIGHT - 4)];
        area.draw(&PathElement::new(line, BLACK))?;
        let text = format!("{ratio:.2} {unit}");
        area.draw(&Text::new(text, (x(ratio.max(target)) + 6, middle), left.clone()))?;
    }
    area.present()?;
    drop(area);
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
