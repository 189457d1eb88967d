//! Picture of the ratios: our speed as a multiple of Linux's, with the targets.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::super::plot::{MET, MISSED, Picture};

const WIDTH: u32 = 1000;
const LEFT: i32 = 280;
/// Width of the multiple 1.
const SCALE: f64 = 20.0;
/// Largest multiple that is drawn to scale.
const MOST: f64 = 30.0;
const HEIGHT: i32 = 18;

/// One ratio.
pub(super) struct Bar {
    /// Empty for a further ratio of the row before.
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) ratio: f64,
    /// None if there is none.
    pub(super) target: Option<f64>,
}

/// Draws the bars, and a line at each target.
pub(super) fn svg(xen: &str, bars: &[Bar]) -> Result<String> {
    let height = u32::try_from(bars.len())? * HEIGHT.unsigned_abs() + 50;
    let mut out = String::new();
    let title = format!("Speed as a multiple of Linux's on Xen {xen}; a line is the target");
    let picture = Picture::new(&mut out, (WIDTH, height), &title, LEFT)?;
    for (top, bar) in (30..).step_by(HEIGHT as usize).zip(bars) {
        let Bar { name, unit, ratio, target } = bar;
        let middle = top + HEIGHT / 3;
        let x = |ratio: f64| LEFT + (ratio.min(MOST) * SCALE) as i32;
        let colour = if target.is_none_or(|target| *ratio >= target) { MET } else { MISSED };
        picture.text(name, (LEFT - 8, middle), HPos::Right)?;
        let area = [(LEFT, top), (x(*ratio), top + HEIGHT - 6)];
        picture.area.draw(&Rectangle::new(area, colour.filled()))?;
        if let Some(target) = *target {
            let line = vec![(x(target), top - 2), (x(target), top + HEIGHT - 4)];
            picture.area.draw(&PathElement::new(line, BLACK))?;
        }
        let text = format!("{ratio:.2} {unit}");
        let right = target.map_or(*ratio, |target| ratio.max(target));
        picture.text(&text, (x(right) + 6, middle), HPos::Left)?;
    }
    picture.area.present()?;
    drop(picture);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn picture_has_both_ratios() {
        let picture = svg("4.17", &report().bars()).unwrap();
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
        assert!(picture.contains("7.00 of Linux") && picture.contains("3.00 of Linux with"));
    }
}
