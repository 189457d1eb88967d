//! The target in pages of the kernel, and its limits.

use super::target::{MemoryNodes, NotANumber};
use thiserror::Error;
use xen_hypercall::PAGE_SIZE;

/// Reason why a target is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(super) struct TargetError(Refusal);

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Refusal {
    #[error("memory/target: found no node, expected a number of KiB")]
    Missing,
    #[error("{node}: {value}")]
    NotANumber { node: &'static str, value: NotANumber },
    #[error("{node}: found {} KiB, expected at most {} KiB", kib(.pages), kib(.maximum))]
    AboveMaximum { node: &'static str, pages: u64, maximum: u64 },
    #[error("memory/target: found {} KiB, expected at least {} KiB", kib(.pages), kib(.minimum))]
    BelowMinimum { pages: u64, minimum: u64 },
}

fn kib(pages: &u64) -> u64 {
    pages.saturating_mul(PAGE_SIZE as u64 / 1024)
}

/// Limits of the kernel's memory, in pages.
///
/// The toolstack's numbers also count memory that the kernel's map has not: the holes below 1 MiB,
/// pages of firmware and devices. As Linux does, the balloon takes the difference between the
/// toolstack's maximum and the map of the boot for that memory, which cannot be returned. The video
/// memory is part of the maximum, but not of the target.
#[derive(Debug)]
pub(super) struct Limits {
    boot_pages: u64,
    minimum: u64,
    /// Pages of the toolstack's numbers that the kernel's map has not, since the first target.
    reserved: Option<u64>,
    /// Maximum of the kernel's pages.
    maximum: u64,
}

impl Limits {
    pub(super) fn new(boot_pages: u64, minimum: u64) -> Self {
        Self { boot_pages, minimum, reserved: None, maximum: 0 }
    }

    pub(super) fn minimum(&self) -> u64 {
        self.minimum
    }

    pub(super) fn maximum(&self) -> u64 {
        self.maximum
    }

    /// Returns the number of pages that the kernel is to have.
    pub(super) fn target(&mut self, nodes: &MemoryNodes) -> Result<u64, TargetError> {
        let MemoryNodes { target, static_max, videoram } = nodes;
        let number = |node, value: &Option<Result<u64, NotANumber>>| match value {
            Some(Err(value)) => {
                Err(TargetError(Refusal::NotANumber { node, value: value.clone() }))
            }
            Some(Ok(pages)) => Ok(Some(*pages)),
            None => Ok(None),
        };
        let pages = number("memory/target", target)?.ok_or(TargetError(Refusal::Missing))?;
        let static_max = number("memory/static-max", static_max)?;
        let video = match videoram {
            Some(Err(value)) if value.is_default() => 0,
            value => number("memory/videoram", value)?.unwrap_or(0),
        };
        // Without a maximum, the domain has what the target says.
        let all = static_max.unwrap_or(pages.max(self.boot_pages));
        for (node, pages) in [("memory/target", pages), ("memory/videoram", video)] {
            if pages > all {
                return Err(TargetError(Refusal::AboveMaximum { node, pages, maximum: all }));
            }
        }
        let maximum = all - video;
        let reserved = self.reserved.unwrap_or(maximum.saturating_sub(self.boot_pages));
        // A toolstack that counts the video memory in the target too means all memory.
        let own = pages.min(maximum).saturating_sub(reserved);
        if own < self.minimum {
            let minimum = self.minimum.saturating_add(reserved);
            return Err(TargetError(Refusal::BelowMinimum { pages, minimum }));
        }
        self.reserved = Some(reserved);
        self.maximum = maximum.saturating_sub(reserved);
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn nodes(target: u64, static_max: u64, videoram: Option<u64>) -> MemoryNodes {
        MemoryNodes {
            target: Some(Ok(target)),
            static_max: Some(Ok(static_max)),
            videoram: videoram.map(Ok),
        }
    }

    #[test]
    fn reserved_pages_are_not_returned() {
        // The map lacks 96 pages below 1 MiB and 2048 of video memory, which the target lacks too.
        let mut limits = Limits::new(131_072 - 2048 - 96, 1000);
        let boot = limits.boot_pages;
        assert_eq!(limits.target(&nodes(131_072 - 2048, 131_072, Some(2048))), Ok(boot));
        assert_eq!(limits.target(&nodes(131_072, 131_072, Some(2048))), Ok(boot));
        assert_eq!(limits.target(&nodes(65_536, 131_072, Some(2048))), Ok(65_536 - 96));
        // More memory than at the boot: what is reserved stays the same.
        assert_eq!(limits.target(&nodes(140_000, 200_000, Some(2048))), Ok(140_000 - 96));
        assert_eq!(limits.maximum(), 200_000 - 2048 - 96);
    }

    #[test]
    fn pod_target_is_relative() {
        // Started with half of its maximum: half of the map is returned.
        let mut limits = Limits::new(16_384 - 100, 1000);
        assert_eq!(limits.target(&nodes(8192, 16_384, None)), Ok(8192 - 100));
    }

    #[test]
    fn bad_values_are_named() {
        let mut limits = Limits::new(16_384, 1000);
        let error = |limits: &mut Limits, nodes| limits.target(&nodes).unwrap_err().to_string();
        assert_eq!(
            error(&mut limits, nodes(16_385, 16_384, None)),
            "memory/target: found 65540 KiB, expected at most 65536 KiB"
        );
        assert_eq!(
            error(&mut limits, nodes(999, 16_384, None)),
            "memory/target: found 3996 KiB, expected at least 4000 KiB"
        );
        for (target, static_max, videoram) in [
            (16_000, 0, None),
            (16_000, u64::MAX, None),
            (16_000, 16_384, Some(u64::MAX)),
            (u64::MAX, 16_384, None),
            (0, 0, Some(u64::MAX)),
        ] {
            limits.target(&nodes(target, static_max, videoram)).unwrap_err();
        }
        // None of them has an effect.
        assert_eq!(limits.target(&nodes(16_000, 16_384, None)), Ok(16_000));
        let missing = MemoryNodes::default();
        assert!(error(&mut limits, missing).contains("found no node"));
    }

    #[test]
    fn default_video_memory_is_none() {
        let mut limits = Limits::new(16_384, 1000);
        let with = |text| MemoryNodes {
            videoram: Some(Err(NotANumber::new(text))),
            ..nodes(16_000, 16_384, None)
        };
        assert_eq!(limits.target(&with("-1")), Ok(16_000));
        limits.target(&with("-2")).unwrap_err();
    }

    #[test]
    fn missing_maximum_is_boot_memory() {
        let mut limits = Limits::new(16_300, 1000);
        let nodes = MemoryNodes { target: Some(Ok(16_384)), ..Default::default() };
        assert_eq!(limits.target(&nodes), Ok(16_300));
        let nodes = MemoryNodes { target: Some(Ok(8192)), ..Default::default() };
        assert_eq!(limits.target(&nodes), Ok(8192 - 84));
    }
}
