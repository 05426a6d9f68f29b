//! Users: who they are, and how they are shown.
use super::date::Date;
use super::fault::Fault;
use super::limits::{EMAIL_BYTES_MAX, NAME_BYTES_MAX};
use super::query::Candidate;
use crate::ServerNow;
use crate::service::Hidden;
use crate::store::ServerTx;
use serde::{Deserialize, Serialize};
use tisync_json::{Object, Value};

/// A user. Kept beside the collections, where only this face can read it: the native protocol never shows
/// a password's hash or an email address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct User {
    #[serde(skip)]
    pub(super) id: String,
    #[serde(skip)]
    pub(super) updated_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
    #[serde(default)]
    pub(super) admin: bool,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// The app's own fields; an object.
    #[serde(default)]
    pub(super) custom_fields: Value,
    /// The hash of the password.
    pub(super) password: String,
    pub(super) created_ms: u64,
    /// Sessions that began before this moment have ended.
    #[serde(default)]
    pub(super) sessions_from_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Owner {
    user_id: String,
}

pub(super) fn users() -> Hidden {
    Hidden::new("acs", "users")
}

/// Usernames and email addresses, folded, of all users: one name signs in one user.
fn logins() -> Hidden {
    Hidden::new("acs", "logins")
}

fn fold(login: &str) -> String {
    login.trim().to_lowercase()
}

impl User {
    pub(super) fn find<T: ServerTx>(tx: &mut T, id: &str) -> Result<Option<Self>, Fault> {
        let kept = users().get::<_, User>(tx, id)?;
        Ok(kept.map(|kept| User {
            id: id.to_owned(),
            updated_ms: kept.updated_ms,
            ..kept.value
        }))
    }

    /// The user who signs in with this name.
    pub(super) fn by_login<T: ServerTx>(tx: &mut T, login: &str) -> Result<Option<Self>, Fault> {
        match logins().get::<_, Owner>(tx, &fold(login))? {
            Some(owner) => User::find(tx, &owner.value.user_id),
            None => Ok(None),
        }
    }

    pub(super) fn read(candidate: &Candidate) -> Result<Self, Fault> {
        Ok(User {
            id: candidate.id.clone(),
            updated_ms: candidate.updated_ms,
            ..users().read(&candidate.id, &candidate.document)?
        })
    }

    /// Checks that the user can be told apart and signed in.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let whole = self.email.is_some() && self.first_name.is_some() && self.last_name.is_some();
        if self.username.is_none() && !whole {
            return Err(Fault::bad(
                "Failed to create user: either username, or email, first_name and last_name are required.",
            ));
        }
        let long = |name: &Option<String>, max: usize| {
            name.as_ref()
                .is_some_and(|name| name.len() > max || name.chars().any(char::is_control))
        };
        let names = [
            &self.username,
            &self.first_name,
            &self.last_name,
            &self.role,
        ];
        if names.iter().any(|name| long(name, NAME_BYTES_MAX)) {
            return Err(Fault::bad(format!(
                "A name has at most {NAME_BYTES_MAX} bytes and no control characters."
            )));
        }
        let plain = |email: &String| {
            let (user, host) = email.split_once('@').unwrap_or_default();
            !user.is_empty() && !host.is_empty() && !email.contains(char::is_whitespace)
        };
        if long(&self.email, EMAIL_BYTES_MAX) || !self.email.iter().all(plain) {
            return Err(Fault::bad("Email is invalid."));
        }
        Ok(())
    }

    /// Writes the user in the place of what it was `before`, and its login names with it.
    pub(super) fn put<T: ServerTx>(
        &mut self,
        tx: &mut T,
        now: &ServerNow,
        before: Option<&User>,
    ) -> Result<(), Fault> {
        let old = before.map(User::logins).unwrap_or_default();
        let new = self.logins();
        for (login, field) in &new {
            let taken = logins().get::<_, Owner>(tx, login)?;
            if taken.is_some_and(|owner| owner.value.user_id != self.id) {
                return Err(Fault::bad(format!("{field} is already taken.")));
            }
        }
        for (login, _) in old
            .iter()
            .filter(|(old, _)| new.iter().all(|(new, _)| new != old))
        {
            logins().remove(tx, now, login)?;
        }
        let owner = Owner {
            user_id: self.id.clone(),
        };
        for (login, _) in new
            .iter()
            .filter(|(new, _)| old.iter().all(|(old, _)| new != old))
        {
            logins().put(tx, now, login, &owner)?;
        }
        users().put(tx, now, &self.id, self)?;
        self.updated_ms = now.wall_ms;
        Ok(())
    }

    pub(super) fn remove<T: ServerTx>(&self, tx: &mut T, now: &ServerNow) -> Result<(), Fault> {
        for (login, _) in self.logins() {
            logins().remove(tx, now, &login)?;
        }
        Ok(users().remove(tx, now, &self.id)?)
    }

    /// The names that sign this user in, folded, and what each is.
    fn logins(&self) -> Vec<(String, &'static str)> {
        let mut logins = Vec::new();
        for (name, field) in [(&self.username, "Username"), (&self.email, "Email")] {
            if let Some(login) = name.as_deref().map(fold)
                && logins.iter().all(|(other, _)| *other != login)
            {
                logins.push((login, field));
            }
        }
        logins
    }

    /// The user as others see it; `private` adds what only itself and administrators may see.
    pub(super) fn shown(&self, private: bool) -> Object {
        let created = Value::from(Date::of_ms(self.created_ms).to_string());
        let mut shown = Object::from([
            ("id".to_owned(), Value::from(self.id.as_str())),
            ("created_at".to_owned(), created.clone()),
            (
                "updated_at".to_owned(),
                Date::of_ms(self.updated_ms).to_string().into(),
            ),
            ("confirmed_at".to_owned(), created),
            ("external_accounts".to_owned(), Value::Array(Vec::new())),
            ("admin".to_owned(), self.admin.to_string().into()),
            ("stats".to_owned(), no_stats()),
        ]);
        let names = [
            ("username", &self.username),
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("role", &self.role),
            ("email", if private { &self.email } else { &None }),
        ];
        for (name, value) in names {
            shown.extend(
                value
                    .as_ref()
                    .map(|value| (name.to_owned(), value.as_str().into())),
            );
        }
        if !self.tags.is_empty() {
            shown.insert("tags".into(), self.tags.clone().into());
        }
        if self
            .custom_fields
            .as_object()
            .is_some_and(|fields| !fields.is_empty())
        {
            shown.insert("custom_fields".into(), self.custom_fields.clone());
        }
        shown
    }

    /// The fields that a query sees: the app's own beside the user's, which come first.
    pub(super) fn queried(&self) -> Object {
        let mut fields = self.custom_fields.as_object().cloned().unwrap_or_default();
        let mut shown = self.shown(true);
        shown.remove("custom_fields");
        shown.remove("stats");
        fields.append(&mut shown);
        fields.insert("_id".into(), self.id.as_str().into());
        fields.insert("tags_array".into(), self.tags.clone().into());
        fields
    }
}

/// ACS counted photos and storage; there are none.
fn no_stats() -> Value {
    let none = |name: &str| Value::Object(Object::from([(name.to_owned(), Value::from(0))]));
    Value::Object(Object::from([
        ("photos".to_owned(), none("total_count")),
        ("storage".to_owned(), none("used")),
    ]))
}
