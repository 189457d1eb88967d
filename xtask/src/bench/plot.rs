//! Picture of the ratios: one bar for each benchmark, and a line at the figure of C.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::measure::{Row, Verdict};
use super::rows::Target;

const WIDTH: u32 = 900;
const LEFT: i32 = 150;
const SCALE: f64 = 300.0;
const HEIGHT: i32 = 24;
const MISSED: RGBColor = RGBColor(0xc0, 0x39, 0x2b);
const REACHED: RGBColor = RGBColor(0x2e, 0x8b, 0x57);

/// Draws the rows; a target that is not missed is green.
pub(super) fn svg(rows: &[Row]) -> Result<String> {
    let rows_height = HEIGHT * i32::try_from(rows.len())?;
    let mut out = String::new();
    let area = SVGBackend::with_string(&mut out, (WIDTH, u32::try_from(rows_height + 60)?))
        .into_drawing_area();
    let font = ("sans-serif", 12).into_font().color(&BLACK);
    let left = font.pos(Pos::new(HPos::Left, VPos::Center));
    let right = font.pos(Pos::new(HPos::Right, VPos::Center));
    area.fill(&WHITE)?;
    area.draw(&Text::new(
        "Rust as a multiple of C: instructions (less is better), speed (more is better)",
        (LEFT, 14),
        left.clone(),
    ))?;
    for (top, row) in (30..).step_by(HEIGHT as usize).zip(rows) {
        let middle = top + HEIGHT / 3;
        let unit = match row.case.target {
            Target::Instructions(_) => "of C's instructions",
            Target::Throughput(_) => "of C's speed",
        };
        area.draw(&Text::new(row.case.name, (LEFT - 8, middle), right.clone()))?;
        let Some(ratio) = row.figure() else {
            area.draw(&Text::new("not measured", (LEFT + 6, middle), left.clone()))?;
            continue;
        };
        let colour = if row.verdict() == Verdict::Missed { MISSED } else { REACHED };
        let end = LEFT + (ratio.min(2.0) * SCALE) as i32;
        let bar = Rectangle::new([(LEFT, top), (end, top + HEIGHT - 8)], colour.filled());
        area.draw(&bar)?;
        area.draw(&Text::new(format!("{ratio:.2} {unit}"), (end + 6, middle), left.clone()))?;
    }
    let (x, end) = (LEFT + SCALE as i32, rows_height + 36);
    area.draw(&PathElement::new(vec![(x, 24), (x, end)], BLACK))?;
    area.draw(&Text::new("C", (x, end + 14), font.pos(Pos::new(HPos::Center, VPos::Center))))?;
    area.present()?;
    drop(area);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_without_rows_has_title() {
        let picture = svg(&[]).unwrap();
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
        assert!(picture.contains("Rust as a multiple of C"), "{picture}");
    }
}
