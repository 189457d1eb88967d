//! Present activity of the domains, as bars in a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;
use xen_sim::{Counters, World};

/// The length of the longest bar.
const WIDTH: u64 = 24;

/// Draws how much each domain has done since the last time.
#[derive(Debug, Default)]
pub struct Watch {
    before: BTreeMap<u16, [u64; 4]>,
    /// The most that there has been of each, to scale the bars.
    most: [u64; 4],
}

const COLUMNS: [&str; 4] = ["hypercalls", "events", "grants mapped", "KiB copied"];

impl Watch {
    /// Returns the lines to show now, without line feeds; `None` without any activity.
    pub fn draw(&mut self, world: &World) -> Option<Vec<String>> {
        let mut lines = vec![format!("{:>9.3} s {:10}", world.now().as_nanos() as f64 / 1e9, "")];
        for name in COLUMNS {
            // Writing to a string can't fail.
            let _ = write!(lines[0], " {name:<width$}", width = WIDTH as usize + 7);
        }
        let mut any = false;
        let domains: Vec<_> =
            (0..u16::MAX).map_while(|id| world.domain(xen_hypercall::DomId(id))).collect();
        for domain in domains.iter().filter(|domain| world.is_alive(domain.id())) {
            let now = numbers(&domain.counters());
            let before = self.before.insert(domain.id().0, now).unwrap_or_default();
            let mut line = format!("{:<22}", format!("d{} {}", domain.id(), domain.name()));
            for (index, (now, before)) in now.into_iter().zip(before).enumerate() {
                let count = now - before;
                any |= count > 0;
                self.most[index] = self.most[index].max(count).max(1);
                let length = (count * WIDTH).div_ceil(self.most[index]) as usize;
                let _ = write!(
                    line,
                    " {count:>6} {:<width$}",
                    "█".repeat(length),
                    width = WIDTH as usize
                );
            }
            lines.push(line);
        }
        any.then_some(lines)
    }
}

fn numbers(counters: &Counters) -> [u64; 4] {
    [counters.total_hypercalls(), counters.events, counters.maps, counters.bytes_copied / 1024]
}
