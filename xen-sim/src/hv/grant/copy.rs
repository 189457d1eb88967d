//! Copies between granted pages and the domain's own.

use super::Status;
use crate::machine::Machine;
use crate::physmap::Kind;
use crate::pool::Mfn;
use xen_hypercall::{DomId, PAGE_SIZE};
use xen_sys::grant_table::*;

/// Grant that is in use during one copy.
type Held = Vec<(DomId, u32, bool)>;

/// Maximum number of transitive steps: Xen follows one.
const MAX_STEPS: u32 = 1;

impl Machine {
    pub(super) fn grant_copy(&mut self, me: DomId, op: &GnttabCopy) -> Status {
        let len = usize::from(op.len);
        for end in [&op.source, &op.dest] {
            if usize::from(end.offset) + len > PAGE_SIZE {
                return Err(GrantStatus::BAD_COPY_ARG);
            }
        }
        let mut held = Held::new();
        let result = self.copy_ends(me, op, &mut held);
        for (owner, grant, write) in held {
            self.unpin(owner, grant, write);
        }
        let (source, dest) = result?;
        let mut bytes = vec![0; len];
        let from = self.page(source).copy_to(usize::from(op.source.offset), &mut bytes);
        let to = self.page(dest).copy_from(usize::from(op.dest.offset), &bytes);
        from.and(to).ok_or(GrantStatus::BAD_COPY_ARG)?;
        self.trace.record(self.now, Some(me), || format!("copied {len} bytes"));
        let counters = &mut self.dom_mut(me).counters;
        counters.copies += 1;
        counters.bytes_copied += len as u64;
        Ok(())
    }

    fn copy_ends(
        &mut self,
        me: DomId,
        op: &GnttabCopy,
        held: &mut Held,
    ) -> Result<(Mfn, Mfn), GrantStatus> {
        let source_ref = op.flags.contains(GrantCopyFlags::SOURCE_GREF);
        let dest_ref = op.flags.contains(GrantCopyFlags::DEST_GREF);
        let source = self.copy_end(me, &op.source, op.len, source_ref, false, held)?;
        let dest = self.copy_end(me, &op.dest, op.len, dest_ref, true, held)?;
        Ok((source, dest))
    }

    fn copy_end(
        &mut self,
        me: DomId,
        end: &GnttabCopyPtr,
        len: u16,
        by_grant: bool,
        write: bool,
        held: &mut Held,
    ) -> Result<Mfn, GrantStatus> {
        if by_grant {
            let owner = self.find(me, end.domid).ok_or(GrantStatus::BAD_DOMAIN)?;
            return self.hold(me, owner, end.u as u32, (end.offset, len), write, held, 0);
        }
        if end.domid != DomId::SELF && end.domid != me {
            return Err(GrantStatus::PERMISSION_DENIED);
        }
        let mapping = self.dom(me).physmap.get(end.u).ok_or(GrantStatus::BAD_PAGE)?;
        if write && mapping.kind == (Kind::Grant { writable: false }) {
            return Err(GrantStatus::GENERAL_ERROR);
        }
        Ok(mapping.mfn)
    }

    #[expect(clippy::too_many_arguments, reason = "one recursive step, all of its context")]
    fn hold(
        &mut self,
        peer: DomId,
        owner: DomId,
        grant: u32,
        (offset, len): (u16, u16),
        write: bool,
        held: &mut Held,
        steps: u32,
    ) -> Result<Mfn, GrantStatus> {
        let entry = self.entry(owner, grant).ok_or(GrantStatus::BAD_GNTREF)?;
        if entry.kind() == GrantFlags::TRANSITIVE && self.dom(owner).grants.version == 2 {
            if entry.domid != peer || steps == MAX_STEPS || (write && entry.read_only()) {
                return Err(GrantStatus::GENERAL_ERROR);
            }
            let (third, grant) = entry.via;
            let third = self.find(owner, third).ok_or(GrantStatus::GENERAL_ERROR)?;
            return self.hold(owner, third, grant.0, (offset, len), write, held, steps + 1);
        }
        let entry = self.check_entry(owner, grant, peer, write)?;
        let (start, size) = entry.range;
        let within = offset >= start
            && u32::from(offset) + u32::from(len) <= u32::from(start) + u32::from(size);
        if !within {
            return Err(GrantStatus::BAD_COPY_ARG);
        }
        let active = self.pin(owner, grant, &entry, write)?;
        held.push((owner, grant, write));
        Ok(active.mfn)
    }
}
