//! The calls, each a method of [`super::work::Work`].
mod acls;
mod batch_create;
mod find_acls;
mod find_objects;
mod find_users;
mod objects;
mod sign_in;
mod users;

pub(super) use find_users::Users;
