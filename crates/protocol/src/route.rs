//! The paths of the protocol.

/// One of the protocol's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// What has changed since a checkpoint.
    Pull,
    /// Mutations go up.
    Push,
    /// Some records, or what became of some mutations.
    Fetch,
    /// Counts and hashes.
    Digest,
    /// Who answers, and its limits.
    About,
    /// A stream that says when something has changed.
    Hints,
}

impl Route {
    /// All of them.
    pub const ALL: [Route; 6] = [
        Route::Pull,
        Route::Push,
        Route::Fetch,
        Route::Digest,
        Route::About,
        Route::Hints,
    ];

    /// The path, without the server's own prefix.
    pub const fn path(self) -> &'static str {
        match self {
            Route::Pull => "/v1/pull",
            Route::Push => "/v1/push",
            Route::Fetch => "/v1/fetch",
            Route::Digest => "/v1/digest",
            Route::About => "/v1/about",
            Route::Hints => "/v1/hints",
        }
    }
    /// The HTTP method.
    pub const fn method(self) -> &'static str {
        match self {
            Route::About | Route::Hints => "GET",
            _ => "POST",
        }
    }
    /// The request at a path; a query after `?` is not looked at.
    pub fn at(path: &str) -> Option<Self> {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        Route::ALL.into_iter().find(|route| route.path() == path)
    }
}
