//! Where a collection is at the server.
use super::Options;
use crate::http::path_segment;
use tisync_core::model::CollectionName;

/// Where a collection is at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Custom objects of a class.
    Objects(String),
    /// The app's users.
    Users,
}

pub(super) fn place(options: &Options, collection: &CollectionName) -> Place {
    if options.users.as_ref() == Some(collection) {
        return Place::Users;
    }
    let class = options.classes.get(collection).map(String::as_str);
    Place::Objects(class.unwrap_or(collection.as_str()).to_owned())
}

impl Place {
    /// The path of a method.
    pub(super) fn path(&self, method: &str) -> String {
        match self {
            Place::Users => format!("users/{method}"),
            Place::Objects(class) => {
                let class = path_segment(class).unwrap_or_default();
                format!("objects/{class}/{method}")
            }
        }
    }

    /// The name of the rows in an answer.
    pub(super) fn rows(&self) -> &str {
        match self {
            Place::Users => "users",
            Place::Objects(class) => class,
        }
    }

    /// The parameter that names one row.
    pub(super) fn id(&self) -> &'static str {
        match self {
            Place::Users => "user_id",
            Place::Objects(_) => "id",
        }
    }
}
