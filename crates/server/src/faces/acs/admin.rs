//! The administrator whom the operator names.
use super::draw::Draw;
use super::fault::Fault;
use super::object_id::ObjectIds;
use super::password;
use super::settings::{Admin, Settings};
use super::user::{User, users};
use crate::store::{Access, ServerStore, ServerTx};
use crate::{ServerNow, ServiceConfig, ServiceError, StoreError};
use tisync_json::Value;

/// Makes sure that a user of this name is there, is an administrator and has this password; commits.
///
/// The operator calls it before the first request, so that nobody else can take the name before.
pub fn ensure_admin<S: ServerStore>(
    store: &mut S,
    now: &ServerNow,
    config: &ServiceConfig,
    settings: &Settings,
    admin: &Admin,
) -> Result<(), ServiceError> {
    ensure(store, now, config, settings, admin).map_err(|fault| match fault.cause {
        Some(cause) => ServiceError::Store(StoreError::failed(cause)),
        None => ServiceError::BadRequest(format!("the admin's account: {}", fault.message)),
    })
}

fn ensure<S: ServerStore>(
    store: &mut S,
    now: &ServerNow,
    config: &ServiceConfig,
    settings: &Settings,
    admin: &Admin,
) -> Result<(), Fault> {
    let mut draw = Draw::new(now);
    let mut tx = store.begin(&config.tenant, Access::Write)?;
    let before = User::by_login(&mut tx, &admin.username)?;
    let kept = before.as_ref().map(|user| user.password.as_str());
    let same = kept.is_some() && password::is(&admin.password, kept, settings.password);
    if same && before.as_ref().is_some_and(|user| user.admin) {
        return Ok(());
    }
    password::check(&admin.password, Some(&admin.password))?;
    let mut user = match &before {
        Some(user) => user.clone(),
        None => User {
            id: ObjectIds::begin(&mut tx, now, &users())?.next(&mut draw),
            username: Some(admin.username.clone()),
            custom_fields: Value::object(),
            created_ms: now.wall_ms,
            ..User::default()
        },
    };
    user.admin = true;
    if !same {
        user.password = password::hash(&admin.password, draw.bytes(), settings.password)?;
        user.sessions_from_ms = now.wall_ms;
    }
    user.check()?;
    user.put(&mut tx, now, before.as_ref())?;
    Ok(tx.commit()?)
}
