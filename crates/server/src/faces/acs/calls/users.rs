//! Users come, change and go.
use crate::faces::acs::caller::Caller;
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::fields::Fields;
use crate::faces::acs::object_id::ObjectIds;
use crate::faces::acs::params::Params;
use crate::faces::acs::task::Secret;
use crate::faces::acs::user::{User, users};
use crate::faces::acs::work::Work;
use crate::store::ServerTx;
use tisync_json::{Document, Value};

impl<T: ServerTx> Work<'_, T> {
    pub(in crate::faces::acs) fn create_user(&mut self, secret: &Secret) -> Result<Answer, Fault> {
        let Secret::Hash(hash) = secret else {
            return Err(Fault::missing("password"));
        };
        let mut user = User {
            id: ObjectIds::begin(self.tx, self.now, &users())?.next(self.draw),
            password: hash.clone(),
            created_ms: self.now.wall_ms,
            ..User::default()
        };
        self.fill(&mut user)?;
        user.put(self.tx, self.now, None)?;
        if self.caller.is_admin() {
            // An administrator who makes users stays who it is.
            return Ok(Answer::of("users", vec![user.shown(true)]));
        }
        self.signed_in_as(user)
    }

    pub(in crate::faces::acs) fn update_user(&mut self, secret: &Secret) -> Result<Answer, Fault> {
        let before = self.acting(&["su_id"])?;
        let mut user = before.clone();
        self.fill(&mut user)?;
        if let Secret::Hash(hash) = secret {
            user.password = hash.clone();
            user.sessions_from_ms = self.now.wall_ms;
        }
        user.put(self.tx, self.now, Some(&before))?;
        let own = self.caller.is(&user.id);
        let Caller::User(signed_in) = &mut self.caller else {
            return Err(Fault::signed_out());
        };
        let session = &mut signed_in.1;
        if own && user.sessions_from_ms != before.sessions_from_ms {
            // The others end with the old password; this one was there when it was changed.
            session.renew(self.tx, self.now, self.settings.session_ms)?;
        }
        let session = session.id.clone();
        let answer = Answer::of("users", vec![user.shown(true)]);
        Ok(answer.with_meta("session_id", session))
    }

    pub(in crate::faces::acs) fn delete_user(&mut self) -> Result<Answer, Fault> {
        let user = self.acting(&["su_id"])?;
        user.remove(self.tx, self.now)?;
        Ok(Answer::default())
    }

    /// Takes over what the call says of a user.
    fn fill(&self, user: &mut User) -> Result<(), Fault> {
        let params = self.params();
        params.refuse_files()?;
        for (name, field) in [
            ("username", &mut user.username),
            ("email", &mut user.email),
            ("first_name", &mut user.first_name),
            ("last_name", &mut user.last_name),
            ("role", &mut user.role),
        ] {
            fill_text(params, name, field);
        }
        if let Some(tags) = params.words("tags")? {
            user.tags = tags;
        }
        let mut fields = user.custom_fields.as_object().cloned().unwrap_or_default();
        Fields::of_user(params)?.apply(&mut fields)?;
        let document = Document::checked_from_object(&fields).map_err(|error| {
            Fault::new(413, format!("The custom fields cannot be stored: {error}."))
        })?;
        let (bytes, limit) = (
            document.text().len() as u64,
            self.config.limits.document_bytes_max,
        );
        // A user has other fields besides, and is one document itself.
        if bytes > limit / 2 {
            return Err(Fault::new(
                413,
                format!(
                    "The custom fields have {bytes} bytes; at most {} are kept.",
                    limit / 2
                ),
            ));
        }
        user.custom_fields = Value::Object(fields);
        user.check()
    }
}

/// An empty text takes the value away.
fn fill_text(params: &Params, name: &str, field: &mut Option<String>) {
    if let Some(text) = params.raw(name) {
        let text = text.trim();
        *field = (!text.is_empty()).then(|| text.to_owned());
    }
}
