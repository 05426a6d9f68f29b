//! Bugs that are planted on purpose, to prove that the simulator's checks can fail; see the core's module of
//! the same name.
#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!(
    "planted bugs have no place in a release build: build tisync-sim with `--profile sim`"
);

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $bug:ident,)+) => {
        /// One planted bug of the server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug {
            $($(#[doc = $what])+ $bug,)+
        }

        impl Bug {
            /// All of them, with what each does wrong.
            pub const ALL: &[(Bug, &str)] = &[$((Bug::$bug, concat!($($what),+)),)+];
        }
    };
}

bugs! {
    /// The server forgets its receipts.
    ForgetReceipts,
    /// The server writes whatever the precondition says.
    IgnorePrecondition,
    /// The server applies the good members of a group and refuses the others.
    GroupInPieces,
    /// A page may end inside a commit.
    CutCommit,
    /// A first walk leaves out what was deleted while it went on.
    WalkForgetsDeletes,
    /// The feed behind a snapshot begins where the snapshot ends, not where it began.
    SnapshotSkipsTail,
    /// A restored server goes on under its old epoch.
    KeepEpoch,
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants one bug for this thread, or none.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.with(|planted| planted.set(bug));
}

/// Whether this bug is planted.
#[cfg(feature = "planted")]
pub(crate) fn on(bug: Bug) -> bool {
    PLANTED.with(|planted| planted.get() == Some(bug))
}

/// Whether this bug is planted: never.
#[cfg(not(feature = "planted"))]
pub(crate) const fn on(_: Bug) -> bool {
    false
}
