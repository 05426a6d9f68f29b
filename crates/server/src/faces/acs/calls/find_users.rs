//! Finding users.
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::limits::COUNT_MAX;
use crate::faces::acs::query::{self, Candidate, Query, Source, words};
use crate::faces::acs::user::{User, users};
use crate::faces::acs::work::Work;
use crate::store::ServerTx;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use tisync_json::Object;

/// All users, as queries see them.
pub(in crate::faces::acs) struct Users<'w, 'a, T> {
    pub(in crate::faces::acs) work: &'w mut Work<'a, T>,
}

impl<T: ServerTx> Source<T> for Users<'_, '_, T> {
    fn tx(&mut self) -> &mut T {
        self.work.tx
    }
    fn collection(&self) -> String {
        users().name().to_owned()
    }
    fn fields(&mut self, candidate: &Candidate) -> Result<Object, Fault> {
        Ok(User::read(candidate)?.queried())
    }
    fn is_visible(&mut self, _: &str, _: &Object) -> Result<bool, Fault> {
        Ok(true)
    }
}

impl<T: ServerTx> Work<'_, T> {
    pub(in crate::faces::acs) fn show_users(&mut self) -> Result<Answer, Fault> {
        let ids = self.params().ids("user_id", "user_ids")?;
        let (mut shown, mut missing) = (Vec::new(), Vec::new());
        for id in ids {
            match self.user(&id)? {
                Some(user) => shown.push(self.shown_user(&user)),
                None => missing.push(id),
            }
        }
        if !missing.is_empty() {
            return Err(Fault::no_such(&missing));
        }
        Ok(Answer::of("users", shown))
    }

    pub(in crate::faces::acs) fn query_users(&mut self) -> Result<Answer, Fault> {
        let query = Query::read(self.params())?;
        self.protect_emails(&query)?;
        let found = query::run(&mut Users { work: self }, &query)?;
        let mut shown = Vec::with_capacity(found.ids.len());
        for id in &found.ids {
            if let Some(user) = self.user(id)? {
                let mut record = self.shown_user(&user);
                query.select(&mut record);
                shown.push(record);
            }
        }
        let mut answer = Answer::of("users", shown);
        answer.meta = query.meta(&found);
        Ok(answer)
    }

    /// Searches names, addresses and tags for any of the words in `q`; whoever has most of them comes first.
    pub(in crate::faces::acs) fn search_users(&mut self) -> Result<Answer, Fault> {
        let asked = self.params().text("q").unwrap_or_default().to_lowercase();
        let asked: BTreeSet<String> = asked.split([' ', ',']).flat_map(words_and_whole).collect();
        let admin = self.caller.is_admin();
        let page = self.params().number("page", 1, COUNT_MAX)?.unwrap_or(1);
        let per_page = self.params().number("per_page", 1, 1_000)?.unwrap_or(10);
        let mut hits = Vec::new();
        let everyone = query::Filter::everything();
        query::walk(
            &mut Users { work: self },
            &everyone,
            None,
            &mut |id, fields| {
                let score = score(fields, &asked, admin);
                if score > 0 || asked.is_empty() {
                    hits.push((score, id.to_owned()));
                }
                ControlFlow::Continue(())
            },
        )?
        .whole()?;
        // Stable: among equals the newest stays first.
        hits.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let total = hits.len() as u64;
        let wanted = hits.into_iter().skip(((page - 1) * per_page) as usize);
        let mut shown = Vec::new();
        for (_, id) in wanted.take(per_page as usize) {
            if let Some(user) = self.user(&id)? {
                shown.push(self.shown_user(&user));
            }
        }
        Ok(Answer::of("users", shown)
            .with_meta("page", page)
            .with_meta("per_page", per_page)
            .with_meta("total_pages", total.div_ceil(per_page))
            .with_meta("total_results", total))
    }

    pub(in crate::faces::acs) fn count_users(&mut self) -> Result<Answer, Fault> {
        let filter = query::Filter::read(self.params())?;
        let count = if self.params().text("where").is_none() {
            users().count(self.tx)?
        } else {
            self.protect_email(&filter)?;
            query::count(&mut Users { work: self }, &filter)?
        };
        Ok(Answer::default().with_meta("count", count))
    }

    /// A user as this caller may see it.
    pub(super) fn shown_user(&self, user: &User) -> Object {
        user.shown(self.caller.is(&user.id) || self.caller.is_admin())
    }

    /// Email addresses are hidden: others may ask whether one is known, and not feel their way to it.
    fn protect_emails(&self, query: &Query) -> Result<(), Fault> {
        self.protect_email(&query.filter)?;
        if query.order.mentions("email") && !self.caller.is_admin() {
            return Err(hidden());
        }
        Ok(())
    }

    fn protect_email(&self, filter: &query::Filter) -> Result<(), Fault> {
        if filter.probes("email") && !self.caller.is_admin() {
            return Err(hidden());
        }
        Ok(())
    }
}

fn hidden() -> Fault {
    Fault::bad(
        "email can only be compared with a whole address, and not ordered by, unless you are an application admin.",
    )
}

/// A word of a search: itself, for addresses, and its parts.
fn words_and_whole(word: &str) -> Vec<String> {
    let mut all: Vec<String> = words(word).collect();
    if !word.is_empty() {
        all.push(word.to_owned());
    }
    all
}

/// How many of the words a user has.
fn score(fields: &Object, asked: &BTreeSet<String>, admin: bool) -> usize {
    let mut own = BTreeSet::new();
    for name in ["first_name", "last_name", "username"] {
        if let Some(text) = fields.get(name).and_then(|value| value.as_str()) {
            own.extend(words_and_whole(&text.to_lowercase()));
        }
    }
    if let Some(tags) = fields.get("tags_array").and_then(|value| value.as_array()) {
        let tags = tags.iter().filter_map(|tag| tag.as_str());
        own.extend(tags.flat_map(|tag| words_and_whole(&tag.to_lowercase())));
    }
    if let Some(email) = fields.get("email").and_then(|value| value.as_str()) {
        let email = email.to_lowercase();
        // Others find an address only by the whole of it.
        own.extend(admin.then(|| words(&email)).into_iter().flatten());
        own.insert(email);
    }
    asked.intersection(&own).count()
}
