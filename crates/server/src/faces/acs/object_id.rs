//! Ids as ACS made them: 24 hexadecimal digits whose order is that of time.
use super::draw::Draw;
use super::fault::Fault;
use crate::service::Hidden;
use crate::store::{Range, ServerTx};
use crate::{ServerNow, StoreError};
use std::ops::ControlFlow;

/// Bits of the commit counter in an id: what is above is left to the seconds.
const COUNTER_BITS: u32 = 40;

/// Makes ids for new records whose own ids `kin` holds: each is greater than all before it, also when
/// several fall into one second or the clock goes back.
///
/// An id is seconds since 1970 (4 bytes), the tenant's commit counter (5 bytes) and chance (3 bytes).
pub(super) struct ObjectIds {
    seconds: u64,
    counter: u64,
}

impl ObjectIds {
    pub(super) fn begin<T: ServerTx>(
        tx: &mut T,
        now: &ServerNow,
        kin: &Hidden,
    ) -> Result<Self, Fault> {
        let mut last = 0;
        let newest = Range {
            collection: kin.name(),
            backwards: true,
            ..Range::default()
        };
        tx.live(newest, &mut |row| {
            last = seconds(row.id).unwrap_or(0);
            ControlFlow::Break(())
        })?;
        let meta = tx
            .meta()?
            .ok_or_else(|| StoreError::failed("the tenant is not set up"))?;
        Ok(ObjectIds {
            seconds: (now.wall_ms / 1_000).max(last),
            counter: meta.seq,
        })
    }

    pub(super) fn next(&mut self, draw: &mut Draw) -> String {
        self.counter += 1;
        let counter = self.counter & ((1 << COUNTER_BITS) - 1);
        let chance = draw.number() & 0xff_ffff;
        format!(
            "{:08x}{counter:010x}{chance:06x}",
            self.seconds & 0xffff_ffff
        )
    }
}

/// When an id was made, in seconds since 1970; none if it is not one of ours.
pub(super) fn seconds(id: &str) -> Option<u64> {
    let ours = id.len() == 24 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if ours {
        u64::from_str_radix(&id[..8], 16).ok()
    } else {
        None
    }
}
