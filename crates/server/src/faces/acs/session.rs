//! Sessions: random, kept by their hash only, ended by logging out or by not being used.
use super::draw::Draw;
use super::fault::Fault;
use super::limits::{PRUNED_MAX, SESSION_PROLONG_PART};
use super::user::User;
use crate::ServerNow;
use crate::service::Hidden;
use crate::store::{Range, ServerTx};
use base64ct::{Base64UrlUnpadded, Encoding};
use blake2::{Blake2s256, Digest};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// A session. A copy of the server's file signs nobody in: the file knows only the hash of its id.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: String,
    kept: Kept,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    user_id: String,
    made_ms: u64,
    until_ms: u64,
}

fn sessions() -> Hidden {
    Hidden::new("acs", "sessions")
}

fn key(id: &str) -> String {
    Blake2s256::digest(id.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Session {
    /// Begins a session for a user.
    pub(super) fn begin<T: ServerTx>(
        tx: &mut T,
        now: &ServerNow,
        draw: &mut Draw,
        session_ms: u64,
        user_id: &str,
    ) -> Result<Self, Fault> {
        // 160 bits: 27 characters, as long as ACS's.
        let id = Base64UrlUnpadded::encode_string(&draw.bytes::<20>());
        let kept = Kept {
            user_id: user_id.to_owned(),
            made_ms: now.wall_ms,
            until_ms: now.wall_ms.saturating_add(session_ms),
        };
        sessions().put(tx, now, &key(&id), &kept)?;
        Ok(Session { id, kept })
    }

    /// A session and its user, if it has not ended.
    pub(super) fn find<T: ServerTx>(
        tx: &mut T,
        now: &ServerNow,
        id: &str,
    ) -> Result<Option<(Self, User)>, Fault> {
        let found = sessions().get::<_, Kept>(tx, &key(id))?;
        let Some(kept) = found.map(|kept| kept.value) else {
            return Ok(None);
        };
        if kept.until_ms <= now.wall_ms {
            return Ok(None);
        }
        // A new password ends the sessions that began under the old one.
        let user =
            User::find(tx, &kept.user_id)?.filter(|user| kept.made_ms >= user.sessions_from_ms);
        let session = Session {
            id: id.to_owned(),
            kept,
        };
        Ok(user.map(|user| (session, user)))
    }

    /// Whether it is time to prolong it.
    pub(super) fn is_due(&self, now: &ServerNow, session_ms: u64) -> bool {
        let left = self.kept.until_ms.saturating_sub(now.wall_ms);
        left < session_ms - session_ms / SESSION_PROLONG_PART
    }

    /// Lets it live for its full time from now on.
    pub(super) fn prolong<T: ServerTx>(
        &mut self,
        tx: &mut T,
        now: &ServerNow,
        session_ms: u64,
    ) -> Result<(), Fault> {
        self.kept.until_ms = now.wall_ms.saturating_add(session_ms);
        Ok(sessions().put(tx, now, &key(&self.id), &self.kept)?)
    }

    /// Counts it among those that begin now: it outlives the ones before.
    pub(super) fn renew<T: ServerTx>(
        &mut self,
        tx: &mut T,
        now: &ServerNow,
        session_ms: u64,
    ) -> Result<(), Fault> {
        self.kept.made_ms = now.wall_ms;
        self.prolong(tx, now, session_ms)
    }

    pub(super) fn end<T: ServerTx>(self, tx: &mut T, now: &ServerNow) -> Result<(), Fault> {
        Ok(sessions().remove(tx, now, &key(&self.id))?)
    }
}

/// Forgets sessions that have ended; returns how many.
pub(super) fn prune<T: ServerTx>(
    tx: &mut T,
    now: &ServerNow,
) -> Result<usize, crate::ServiceError> {
    let sessions = sessions();
    let mut ended = Vec::new();
    let mut broken = None;
    let all = Range {
        collection: sessions.name(),
        documents: true,
        ..Range::default()
    };
    tx.live(all, &mut |row| {
        let document = row.content.map_or("", |content| content.document);
        match sessions.read::<Kept>(row.id, document) {
            Ok(kept) if kept.until_ms <= now.wall_ms => ended.push(row.id.to_owned()),
            Ok(_) => {}
            Err(error) => {
                broken = Some(error);
                return ControlFlow::Break(());
            }
        }
        if ended.len() < PRUNED_MAX {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if let Some(error) = broken {
        return Err(error);
    }
    for id in &ended {
        sessions.remove(tx, now, id)?;
    }
    Ok(ended.len())
}
