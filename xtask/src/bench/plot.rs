//! Picture of the ratios: one bar for each benchmark, and a line at the figure of C.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::measure::{Row, Verdict};
use super::rows::Target;

const WIDTH: u32 = 900;
const LEFT: i32 = 150;
const SCALE: f64 = 300.0;
const HEIGHT: i32 = 24;

/// Colours of a bar whose target is missed, or met.
pub(super) const MISSED: RGBColor = RGBColor(0xc0, 0x39, 0x2b);
pub(super) const MET: RGBColor = RGBColor(0x2e, 0x8b, 0x57);

/// A picture with texts to the left and to the right of a position.
pub(super) struct Picture<'s> {
    pub(super) area: DrawingArea<SVGBackend<'s>, Shift>,
    font: TextStyle<'static>,
}

impl<'s> Picture<'s> {
    /// Makes a white picture with a title whose text begins at `left`.
    pub(super) fn new(
        out: &'s mut String,
        size: (u32, u32),
        title: &str,
        left: i32,
    ) -> Result<Self> {
        let area = SVGBackend::with_string(out, size).into_drawing_area();
        area.fill(&WHITE)?;
        let picture = Self { area, font: ("sans-serif", 12).into_font().color(&BLACK) };
        picture.text(title, (left, 14), HPos::Left)?;
        Ok(picture)
    }

    /// Writes a text whose end `side` is at a position.
    pub(super) fn text(&self, text: &str, at: (i32, i32), side: HPos) -> Result<()> {
        let style = self.font.pos(Pos::new(side, VPos::Center));
        Ok(self.area.draw(&Text::new(text, at, style))?)
    }
}

/// Draws the rows; a target that is not missed is green.
pub(super) fn svg(rows: &[Row]) -> Result<String> {
    let rows_height = HEIGHT * i32::try_from(rows.len())?;
    let mut out = String::new();
    let title = "Rust as a multiple of C: instructions (less is better), speed (more is better)";
    let picture = Picture::new(&mut out, (WIDTH, u32::try_from(rows_height + 60)?), title, LEFT)?;
    for (top, row) in (30..).step_by(HEIGHT as usize).zip(rows) {
        let middle = top + HEIGHT / 3;
        let unit = match row.case.target {
            Target::Instructions(_) => "of C's instructions",
            Target::Throughput(_) => "of C's speed",
        };
        picture.text(row.case.name, (LEFT - 8, middle), HPos::Right)?;
        let Some(ratio) = row.figure() else {
            picture.text("not measured", (LEFT + 6, middle), HPos::Left)?;
            continue;
        };
        let colour = if row.verdict() == Verdict::Missed { MISSED } else { MET };
        let end = LEFT + (ratio.min(2.0) * SCALE) as i32;
        let bar = Rectangle::new([(LEFT, top), (end, top + HEIGHT - 8)], colour.filled());
        picture.area.draw(&bar)?;
        picture.text(&format!("{ratio:.2} {unit}"), (end + 6, middle), HPos::Left)?;
    }
    let (x, end) = (LEFT + SCALE as i32, rows_height + 36);
    picture.area.draw(&PathElement::new(vec![(x, 24), (x, end)], BLACK))?;
    picture.text("C", (x, end + 14), HPos::Center)?;
    picture.area.present()?;
    drop(picture);
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
