//! Statistics of runs that vary.

/// The figure in the middle of many runs, and the range in which the middle of as many others would
/// be nineteen times of twenty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Middle {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Middle {
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        // How many values lie below the true middle is as often one way as the other, as with
        // coins.
        let (half, reach) = (values.len() as f64 / 2.0, 0.98 * (values.len() as f64).sqrt());
        let at = |rank: f64| {
            values.get((rank.max(0.0) as usize).min(values.len().saturating_sub(1))).copied()
        };
        Some(Self {
            value: at(half)?,
            low: at((half - reach).floor())?,
            high: at((half + reach).ceil() - 1.0)?,
        })
    }
}

/// The average of many runs, and how far from it that of as many others would be, nineteen times of
/// twenty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Average {
    pub(super) value: f64,
    pub(super) error: f64,
}

impl Average {
    pub(super) fn of(values: &[f64]) -> Self {
        let count = values.len().max(1) as f64;
        let value = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|one| (one - value).powi(2)).sum::<f64>();
        Self { value, error: 1.96 * (squares / (count - 1.0).max(1.0) / count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_range_of_nine_runs() {
        let middle = Middle::of((1..=9).rev().map(f64::from).collect()).unwrap();
        assert_eq!(middle, Middle { value: 5.0, low: 2.0, high: 8.0 });
        let middle = Middle::of((1..=100).map(f64::from).collect()).unwrap();
        assert_eq!((middle.low, middle.high), (41.0, 60.0));
        assert_eq!(Middle::of(vec![3.0]), Some(Middle { value: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(Middle::of(Vec::new()), None);
    }

    #[test]
    fn average_narrows_with_more_runs() {
        let few = Average::of(&[1.0, 3.0]);
        assert!((few.value - 2.0).abs() < 1e-9 && (few.error - 1.96).abs() < 1e-9);
        assert!(Average::of(&[1.0, 3.0].repeat(50)).error < few.error / 6.0);
        assert_eq!(Average::of(&[0.0; 9]), Average { value: 0.0, error: 0.0 });
    }
}
