//! Signing in and out.
use crate::faces::acs::caller::Caller;
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::session::Session;
use crate::faces::acs::task::Secret;
use crate::faces::acs::user::User;
use crate::faces::acs::work::Work;
use crate::store::ServerTx;

impl<T: ServerTx> Work<'_, T> {
    pub(in crate::faces::acs) fn login(&mut self, secret: &Secret) -> Result<Answer, Fault> {
        let Secret::Login { user_id, hash } = secret else {
            return Err(Fault::bad_login());
        };
        // The password was compared with this hash; if it is another by now, it was not compared.
        let mut user = User::find(self.tx, user_id)?
            .filter(|user| user.password == *hash)
            .ok_or_else(Fault::bad_login)?;
        // ACS moved `updated_at` with each login.
        let before = user.clone();
        user.put(self.tx, self.now, Some(&before))?;
        self.signed_in_as(user)
    }

    /// Begins a session and answers with the user.
    pub(super) fn signed_in_as(&mut self, user: User) -> Result<Answer, Fault> {
        let session = Session::begin(
            self.tx,
            self.now,
            self.draw,
            self.settings.session_ms,
            &user.id,
        )?;
        Ok(Answer::of("users", vec![user.shown(true)]).with_session(&session.id))
    }

    /// Signing out is never refused: whoever asks is signed out afterwards.
    pub(in crate::faces::acs) fn logout(&mut self) -> Result<Answer, Fault> {
        if let Caller::User(signed_in) = self.caller.clone() {
            signed_in.1.end(self.tx, self.now)?;
        }
        Ok(Answer {
            session: Some(String::new()),
            ..Answer::default()
        })
    }

    pub(in crate::faces::acs) fn show_me(&mut self) -> Result<Answer, Fault> {
        let (user, session) = self.caller.signed_in()?;
        let answer = Answer::of("users", vec![user.shown(true)]);
        Ok(answer.with_meta("session_id", session.id.as_str()))
    }
}
