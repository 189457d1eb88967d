//! Mappings of other domains' pages.

use super::{MAX_TRACKS, Status, Track};
use crate::machine::{Machine, RunState};
use crate::physmap::{Kind, Mapping};
use crate::violation::Violation;
use xen_hypercall::{DomId, Gfn, PAGE_SIZE};
use xen_sys::grant_table::*;

impl Machine {
    pub(super) fn map_grant_ref(&mut self, me: DomId, op: &mut GnttabMapGrantRef) -> Status {
        if !op.flags.intersects(GrantMapFlags::DEVICE_MAP | GrantMapFlags::HOST_MAP) {
            return Err(GrantStatus::BAD_GNTREF);
        }
        // These two flags exist for PV domains only.
        if op.flags.intersects(GrantMapFlags::APPLICATION_MAP | GrantMapFlags::CONTAINS_PTE) {
            return Err(GrantStatus::GENERAL_ERROR);
        }
        // `DOMID_SELF` is no valid owner here.
        let named = Some(op.dom).filter(|&dom| dom != DomId::SELF);
        let owner = named.and_then(|dom| self.find(me, dom)).ok_or(GrantStatus::BAD_DOMAIN)?;
        let handle = self.free_track(me).ok_or(GrantStatus::NO_SPACE)?;
        let writable = !op.flags.contains(GrantMapFlags::READONLY);
        let entry = self.check_entry(owner, op.ref_.0, me, writable)?;
        // A sub-page grant can be copied, but not mapped.
        if entry.flags.contains(GrantFlags::SUB_PAGE) && self.dom(owner).grants.version == 2 {
            return Err(GrantStatus::GENERAL_ERROR);
        }
        let active = self.pin(owner, op.ref_.0, &entry, writable)?;
        let gfn = Gfn::containing(op.host_addr).0;
        if op.flags.contains(GrantMapFlags::HOST_MAP) {
            let before = self.map(
                me,
                gfn,
                Some(Mapping { mfn: active.mfn, kind: Kind::Grant { writable } }),
            );
            if before.is_some_and(|mapping| mapping.kind == Kind::Ram) {
                self.violate(Violation::MappedOverRam { domain: me, gfn });
            }
            if owner == me {
                self.violate(Violation::MappedOwnGrant { domain: me, grant: op.ref_ });
            }
        }
        let domain = self.dom_mut(me);
        domain.grants.tracks[handle] = Some(Track { owner, grant: op.ref_.0, writable, gfn });
        domain.counters.maps += 1;
        op.handle = GrantHandle(handle as u32);
        op.dev_bus_addr = u64::from(active.mfn.0) * PAGE_SIZE as u64;
        self.trace.record(self.now, Some(me), || {
            format!("mapped grant {} of domain {owner} at gfn {gfn:#x}", op.ref_)
        });
        Ok(())
    }

    fn free_track(&mut self, me: DomId) -> Option<usize> {
        let tracks = &mut self.dom_mut(me).grants.tracks;
        let free = tracks.iter().position(Option::is_none).unwrap_or(tracks.len());
        if free == tracks.len() {
            if free == MAX_TRACKS {
                return None;
            }
            tracks.push(None);
        }
        Some(free)
    }

    pub(super) fn unmap_grant_ref(&mut self, me: DomId, op: &GnttabUnmapGrantRef) -> Status {
        if self.dom(me).run_state == RunState::Dead {
            return Ok(());
        }
        let track = self.dom(me).grants.tracks.get(op.handle.0 as usize).copied().flatten();
        let track = track.ok_or(GrantStatus::BAD_HANDLE)?;
        // Without an address nothing is unmapped, which is no error.
        if op.host_addr == 0 {
            return Ok(());
        }
        let gfn = Gfn::containing(op.host_addr).0;
        let there = self.dom(me).physmap.get(gfn);
        if gfn != track.gfn
            || !there.is_some_and(|mapping| matches!(mapping.kind, Kind::Grant { .. }))
        {
            return Err(GrantStatus::GENERAL_ERROR);
        }
        self.map(me, gfn, None);
        let domain = self.dom_mut(me);
        domain.grants.tracks[op.handle.0 as usize] = None;
        domain.counters.unmaps += 1;
        self.unpin(track.owner, track.grant, track.writable);
        self.trace.record(self.now, Some(me), || {
            format!("unmapped grant {} of domain {} from gfn {gfn:#x}", track.grant, track.owner)
        });
        Ok(())
    }
}
