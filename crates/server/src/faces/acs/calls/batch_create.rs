//! Many objects in one call.
use super::objects::new_object;
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::fields::Fields;
use crate::faces::acs::limits::BATCH_CREATE_MAX;
use crate::faces::acs::object_id::ObjectIds;
use crate::faces::acs::rights::{Rights, rights};
use crate::faces::acs::work::Work;
use crate::store::ServerTx;
use tisync_json::{Object, Value};

impl<T: ServerTx> Work<'_, T> {
    /// Makes the objects of `json_array`, each by itself; an entry may name its `user_id` and `acl_id`.
    pub(in crate::faces::acs) fn batch_create(&mut self, class: &str) -> Result<Answer, Fault> {
        self.caller.require_admin(403)?;
        self.params().refuse_files()?;
        let list = self
            .params()
            .json("json_array")?
            .ok_or_else(|| Fault::missing("json_array"))?;
        let items = list
            .as_array()
            .ok_or_else(|| Fault::bad("json_array is a list of objects: [{…}, {…}]."))?;
        if items.len() > BATCH_CREATE_MAX {
            return Err(Fault::bad(format!(
                "{BATCH_CREATE_MAX} objects batch create limit exceeded"
            )));
        }
        let mut ids = ObjectIds::begin(self.tx, self.now, &rights(class))?;
        let mut failures = Vec::new();
        let (mut puts, mut made) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            let ready = self.entry(item).and_then(|(mut fields, rights)| {
                let now_ms = self.now.wall_ms;
                let (id, put) =
                    new_object(self.draw, now_ms, &mut ids, class, &mut fields, &rights)?;
                Ok((id, put, rights))
            });
            match ready {
                Ok((id, put, rights)) => {
                    puts.push(put);
                    made.push((index, id, rights));
                }
                Err(fault) => failures.push((index, fault)),
            }
        }
        let mut inserted = 0;
        for (verdict, (index, id, rights)) in self.push(puts)?.into_iter().zip(made) {
            match verdict {
                Ok(()) => {
                    rights.put(self.tx, self.now, class, &id)?;
                    inserted += 1;
                }
                Err(fault) => failures.push((index, fault)),
            }
        }
        Ok(told(inserted, failures))
    }

    fn entry(&mut self, item: &Value) -> Result<(Object, Rights), Fault> {
        let object = item
            .as_object()
            .ok_or_else(|| Fault::bad("an entry of json_array is an object"))?;
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        let caller = self.caller.signed_in()?.0.id.clone();
        let rights = Rights {
            user_id: Some(text("user_id").unwrap_or(caller)),
            acl_id: text("acl_id"),
        };
        if let Some(user_id) = &rights.user_id
            && self.user(user_id)?.is_none()
        {
            return Err(Fault::no_such(std::slice::from_ref(user_id)));
        }
        if let Some(acl_id) = &rights.acl_id
            && self.acl(acl_id)?.is_none()
        {
            return Err(Fault::no_such(std::slice::from_ref(acl_id)));
        }
        let mut fields = Object::new();
        Fields::of_object(object.clone())?.apply(&mut fields)?;
        Ok((fields, rights))
    }
}

/// ACS told the outcome as a hash of Ruby; a part that failed as 202.
fn told(inserted: usize, mut failures: Vec<(usize, Fault)>) -> Answer {
    let mut message = format!(r#"{{"ok"=>1, "n"=>{inserted}, "nInserted"=>{inserted}"#);
    failures.sort_by_key(|(index, _)| *index);
    if !failures.is_empty() {
        let errors: Vec<_> = failures
            .iter()
            .map(|(index, fault)| format!(r#"{{"index"=>{index}, "errmsg"=>{:?}}}"#, fault.message))
            .collect();
        message.push_str(&format!(r#", "writeErrors"=>[{}]"#, errors.join(", ")));
    }
    message.push('}');
    let answer = Answer::default().with_meta("message", message);
    Answer {
        status: (!failures.is_empty()).then_some(202),
        ..answer
    }
}
