//! The calls of ACS that are served, by path.
use super::fault::Fault;
use super::urlencoded;
use tisync_protocol::check_collection;

/// A call of ACS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    CreateUser,
    LoginUser,
    LogoutUser,
    ShowMe,
    ShowUsers,
    QueryUsers,
    SearchUsers,
    CountUsers,
    UpdateUser,
    DeleteUser,
    BatchDeleteUsers,
    RequestResetPassword,
    ResendConfirmation,
    CreateObject,
    ShowObjects,
    QueryObjects,
    CountObjects,
    UpdateObject,
    DeleteObjects,
    BatchCreateObjects,
    BatchDeleteObjects,
    DropClass,
    CreateAcl,
    ShowAcl,
    QueryAcls,
    CountAcls,
    UpdateAcl,
    DeleteAcl,
    AddToAcl,
    RemoveFromAcl,
    CheckAcl,
}

/// Where a call is found, and how it is named in `meta.method_name`.
struct Place(
    Method,
    &'static str,
    &'static str,
    &'static str,
    crate::Access,
);

const READ: crate::Access = crate::Access::Read;
const WRITE: crate::Access = crate::Access::Write;

/// `*` stands for the class.
#[rustfmt::skip]
const PLACES: [Place; 31] = [
    Place(Method::CreateUser, "POST", "users/create", "createUser", WRITE),
    Place(Method::LoginUser, "POST", "users/login", "loginUser", WRITE),
    Place(Method::LogoutUser, "GET", "users/logout", "logoutUser", WRITE),
    Place(Method::ShowMe, "GET", "users/show/me", "showMe", READ),
    Place(Method::ShowUsers, "GET", "users/show", "showUsers", READ),
    Place(Method::QueryUsers, "GET", "users/query", "queryUsers", READ),
    Place(Method::SearchUsers, "GET", "users/search", "searchUsers", READ),
    Place(Method::CountUsers, "GET", "users/count", "usersCount", READ),
    Place(Method::UpdateUser, "PUT", "users/update", "updateUser", WRITE),
    Place(Method::DeleteUser, "DELETE", "users/delete", "deleteUser", WRITE),
    Place(Method::BatchDeleteUsers, "DELETE", "users/batch_delete", "batchDelete", WRITE),
    Place(Method::RequestResetPassword, "GET", "users/request_reset_password", "requestResetPassword", READ),
    Place(Method::ResendConfirmation, "GET", "users/resend_confirmation", "resendConfirmation", READ),
    Place(Method::CreateObject, "POST", "objects/*/create", "createObject", WRITE),
    Place(Method::ShowObjects, "GET", "objects/*/show", "showObjects", READ),
    Place(Method::QueryObjects, "GET", "objects/*/query", "queryCustomObjects", READ),
    Place(Method::CountObjects, "GET", "objects/*/count", "objectsCount", READ),
    Place(Method::UpdateObject, "PUT", "objects/*/update", "updateCustomObject", WRITE),
    Place(Method::DeleteObjects, "DELETE", "objects/*/delete", "deleteObjects", WRITE),
    Place(Method::BatchCreateObjects, "POST", "objects/*/batch_create", "batchCreate", WRITE),
    Place(Method::BatchDeleteObjects, "DELETE", "objects/*/batch_delete", "batchDelete", WRITE),
    Place(Method::DropClass, "DELETE", "objects/*/admin_drop_collection", "dropCollection", WRITE),
    Place(Method::CreateAcl, "POST", "acls/create", "createAcl", WRITE),
    Place(Method::ShowAcl, "GET", "acls/show", "showAcl", READ),
    Place(Method::QueryAcls, "GET", "acls/query", "queryACL", READ),
    Place(Method::CountAcls, "GET", "acls/count", "aclsCount", READ),
    Place(Method::UpdateAcl, "PUT", "acls/update", "updateAcl", WRITE),
    Place(Method::DeleteAcl, "DELETE", "acls/delete", "deleteAcl", WRITE),
    Place(Method::AddToAcl, "POST", "acls/add", "addAcl", WRITE),
    Place(Method::RemoveFromAcl, "DELETE", "acls/remove", "removeAcl", WRITE),
    Place(Method::CheckAcl, "GET", "acls/check", "checkAcl", READ),
];

/// What is served of ACS.
const SERVED: [&str; 3] = ["users", "objects", "acls"];

/// What ACS had besides.
const UNSERVED: [&str; 23] = [
    "chats",
    "checkins",
    "clients",
    "collections",
    "custom_objects",
    "emails",
    "events",
    "files",
    "friends",
    "geo_fences",
    "keyvalues",
    "likes",
    "logs",
    "messages",
    "photo_collections",
    "photos",
    "places",
    "posts",
    "push_notification",
    "push_schedules",
    "reviews",
    "social",
    "statuses",
];

impl Method {
    fn place(self) -> Option<&'static Place> {
        PLACES.iter().find(|place| place.0 == self)
    }

    /// `meta.method_name`.
    pub(super) fn name(self) -> &'static str {
        self.place().map_or("", |place| place.3)
    }

    /// Which store the call needs.
    pub(super) fn access(self) -> crate::Access {
        self.place().map_or(WRITE, |place| place.4)
    }
}

/// Which call a request makes, and on which class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The class as it stands in the address; empty where there is none.
    pub(super) class: String,
}

/// Whether a path belongs to this face.
pub(super) fn is_meant(path: &str) -> bool {
    let parts = parts(path);
    match parts[..] {
        ["v1", namespace, ref rest @ ..] if !rest.is_empty() => {
            SERVED.contains(&namespace) || rest.last().is_some_and(|last| last.ends_with(".json"))
        }
        _ => false,
    }
}

impl Call {
    /// The call at a path.
    pub(super) fn at(verb: &str, path: &str) -> Result<Self, Fault> {
        let parts = parts(path);
        let parts = parts.get(1..).unwrap_or_default();
        let (class, name) = match parts {
            ["objects", class, rest @ ..] => (
                decoded(class)?,
                ["objects", "*"].iter().chain(rest).copied().collect(),
            ),
            _ => (String::new(), parts.to_vec()),
        };
        let name = name.join("/");
        let name = name.strip_suffix(".json").unwrap_or(&name);
        let Some(place) = PLACES.iter().find(|place| place.2 == name) else {
            return Err(nothing(parts.first().copied().unwrap_or_default()));
        };
        if place.1 != verb {
            return Err(Fault::new(
                405,
                format!("{} is meant for {}; {verb} came.", place.2, place.1),
            ));
        }
        if !class.is_empty() {
            check_collection(&class)
                .map_err(|error| Fault::bad(format!("The class cannot be named so: {error}.")))?;
        }
        Ok(Call {
            method: place.0,
            class,
        })
    }
}

fn nothing(namespace: &str) -> Fault {
    if UNSERVED.contains(&namespace) {
        // Not 404: there, clients read an expired session.
        return Fault::bad(format!(
            "This server has no {namespace}: of ACS it serves {}.",
            SERVED.join(", ")
        ));
    }
    Fault::new(404, "There is no such method.")
}

/// The parts of a path without its query; `//v1/` is `/v1/`.
fn parts(path: &str) -> Vec<&str> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.split('/').filter(|part| !part.is_empty()).collect()
}

fn decoded(part: &str) -> Result<String, Fault> {
    urlencoded::decode(part.as_bytes(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(verb: &str, path: &str) -> Result<(Method, String), u16> {
        Call::at(verb, path)
            .map(|call| (call.method, call.class))
            .map_err(|fault| fault.code)
    }

    #[test]
    fn calls_are_found_by_their_paths() {
        let users = String::new();
        assert_eq!(
            at("GET", "/v1/users/show/me.json?key=K"),
            Ok((Method::ShowMe, users.clone()))
        );
        assert_eq!(
            at("GET", "//v1/users/show.json"),
            Ok((Method::ShowUsers, users.clone()))
        );
        assert_eq!(
            at("POST", "/v1/users/login"),
            Ok((Method::LoginUser, users))
        );
        let todo = "todo".to_owned();
        assert_eq!(
            at("GET", "/v1/objects/todo/query.json"),
            Ok((Method::QueryObjects, todo.clone()))
        );
        assert_eq!(
            at("GET", "/v1/objects/t%6fdo/query.json"),
            Ok((Method::QueryObjects, todo))
        );
    }

    #[test]
    fn what_is_not_served_says_so() {
        assert_eq!(at("POST", "/v1/photos/create.json"), Err(400));
        assert_eq!(at("GET", "/v1/objects/todo/explode.json"), Err(404));
        assert_eq!(at("GET", "/v1/objects/todo.json"), Err(404));
        assert_eq!(at("GET", "/v1/users/login.json"), Err(405));
        assert_eq!(at("GET", "/v1/objects/a%20b/query.json"), Err(400));
        assert_eq!(at("GET", "/v1/objects/acs:users/query.json"), Err(400));
    }

    #[test]
    fn the_native_protocol_keeps_its_paths() {
        for path in [
            "/v1/pull",
            "/v1/push",
            "/v1/fetch",
            "/v1/digest",
            "/v1/about",
            "/",
            "/v1",
        ] {
            assert!(!is_meant(path), "{path}");
        }
        for path in [
            "/v1/users/login.json?key=K",
            "//v1/objects/a/show",
            "/v1/photos/show.json",
        ] {
            assert!(is_meant(path), "{path}");
        }
    }

    #[test]
    fn every_call_has_one_place() {
        for (index, place) in PLACES.iter().enumerate() {
            assert_eq!(
                PLACES.iter().position(|other| other.0 == place.0),
                Some(index)
            );
            assert_eq!(
                PLACES.iter().position(|other| other.2 == place.2),
                Some(index)
            );
        }
    }
}
