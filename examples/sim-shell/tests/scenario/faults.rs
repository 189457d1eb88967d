//! Late hypercalls of a domain.

use super::rng::Rng;
use core::time::Duration;
use xen_example_sim_shell::Faults;

/// Returns late hypercalls, or none in one scenario of `none_in`.
pub(crate) fn faults(rng: &mut Rng, none_in: usize) -> Faults {
    if rng.one_in(none_in) {
        return Faults::default();
    }
    let longest = [1, 20, 300][rng.below(3)];
    Faults::late(rng.next(), Duration::from_micros(longest))
}
