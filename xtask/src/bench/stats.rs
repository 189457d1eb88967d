//! Statistics of runs that vary.

/// Median of many runs and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Median {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Median {
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        // The number of values below the true median has a binomial distribution.
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

/// Mean of many runs and the half width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mean {
    pub(super) value: f64,
    pub(super) error: f64,
}

impl Mean {
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
        let median = Median::of((1..=9).rev().map(f64::from).collect()).unwrap();
        assert_eq!(median, Median { value: 5.0, low: 2.0, high: 8.0 });
        let median = Median::of((1..=100).map(f64::from).collect()).unwrap();
        assert_eq!((median.low, median.high), (41.0, 60.0));
        assert_eq!(Median::of(vec![3.0]), Some(Median { value: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(Median::of(Vec::new()), None);
    }

    #[test]
    fn average_narrows_with_more_runs() {
        let few = Mean::of(&[1.0, 3.0]);
        assert!((few.value - 2.0).abs() < 1e-9 && (few.error - 1.96).abs() < 1e-9);
        assert!(Mean::of(&[1.0, 3.0].repeat(50)).error < few.error / 6.0);
        assert_eq!(Mean::of(&[0.0; 9]), Mean { value: 0.0, error: 0.0 });
    }
}
