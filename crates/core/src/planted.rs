//! Bugs that are planted on purpose, to prove that the simulator's checks can fail.
//!
//! Without the feature `planted`, which only the simulator switches on, every `on` is `false` and the
//! compiler removes it. One build holds all of them; a run plants one at a time, for its own thread.
/// Makes a crate's bank of planted bugs: the type `Bug`, and what plants one and asks for it. The crate that uses
/// it has a feature `planted` of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! planted_bugs {
    ($($(#[doc = $what:literal])+ $bug:ident,)+) => {
        #[cfg(all(feature = "planted", not(debug_assertions)))]
        compile_error!(
            "planted bugs have no place in a release build: build tisync-sim with `--profile sim`"
        );

        /// One planted bug of this crate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug {
            $($(#[doc = $what])+ $bug,)+
        }

        impl Bug {
            /// All of them, with what each does wrong.
            pub const ALL: &[(Bug, &str)] = &[$((Bug::$bug, concat!($($what),+)),)+];
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
    };
}

planted_bugs! {
    /// An entry whose fate is unknown is sent again under a new key.
    ResendUnderNewKey,
    /// A push without an answer counts as accepted.
    UnknownIsAccepted,
    /// A refused entry is dropped.
    DropOnReject,
    /// An accepted entry takes its successors with it.
    DropSuccessor,
    /// Writes are sent without a precondition.
    IgnoreBaseVersion,
    /// The members of a group are sent one by one.
    HalveGroup,
    /// A newer remote that waited for the answer is forgotten.
    AcceptedForgetsRemote,
    /// A write joins an entry that was handed out already.
    CoalesceIntoFrozen,
    /// A chain that is written anew keeps only what its last entry changed.
    RewriteKeepsLastOnly,
    /// A record is reconciled while an entry of it is out.
    ReconcileWhileOut,
    /// A decision leaves no row in the journal.
    SkipJournal,
    /// A decision keeps the old base.
    KeepOldBase,
    /// A remote change of a record with pending entries is dropped.
    DropRemoteOfDirty,
    /// The deletion of a clean record is ignored.
    IgnoreTombstone,
    /// An older image replaces a newer one.
    ApplyOlder,
    /// A new epoch of the server goes unnoticed.
    IgnoreEpoch,
    /// A page that comes too late is applied, and moves the checkpoint.
    LatePageMoves,
    /// The checkpoint moves with the first slice of a page.
    CheckpointBeforeApply,
    /// What a complete pass did not show is deleted without evidence.
    SweepWithoutFetch,
    /// A sweep that would take too much goes on without a question.
    ShrinkUnguarded,
    /// A new process forgets what was left of the waits after failures.
    BackoffForgotten,
    /// That a repeat was not sent counts as proof that nothing was ever sent.
    RepeatProvesNothingSent,
    /// What was accepted unheard is not looked up.
    AcceptedUnheardStays,
    /// An image that the server has lost still counts.
    LostImageCounts,
    /// What the server asks for with Retry-After is ignored.
    RetryAfterIgnored,
    /// After a failure nothing asks to be woken.
    NoWakeUp,
    /// Entries that a dead process had in flight stay in flight.
    OrphansStayInFlight,
    /// An engine that lost the lease goes on.
    LeaseUnchecked,
    /// Stamps follow the wall clock, also backwards.
    ClockGoesBack,
    /// An undo shows its outcome and sends nothing.
    UndoStaysLocal,
    /// What is discarded leaves no row in the journal.
    DiscardForgets,
    /// What is given up at logout leaves no row in the journal.
    LogoutForgets,
    /// At a logout goes what is pending of a record that was saved, also what was written since.
    LogoutUnsaved,
    /// What came back from a lifeboat file comes back again.
    LifeboatTwice,
    /// What was sent before it came back from a lifeboat file goes under another key.
    LifeboatForgetsSent,
    /// While a backend gives hints nothing is polled any more.
    HintsReplacePolls,
    /// After a probe that failed there is no other.
    ProbeOnce,
    /// What the host says of its network is believed: while it says that there is none, nothing is sent.
    SignalBelieved,
    /// The last part of what is here is not compared with the server.
    VerifySkipsLast,
    /// A record that the server has not stays.
    VerifyKeepsExtra,
    /// Mending a record drops what is pending on it.
    MendDropsChain,
    /// An upgrade of the app rewrites what was handed out, under its old key.
    MigrateWhatIsOut,
    /// An upgrade leaves bases in their old schema.
    BaseStaysOld,
    /// An upgrade drops pending writes that cannot be migrated.
    DropUnmigrated,
    /// A patch is sent to a document of an older schema.
    PatchOldSchema,
    /// A record whose row cannot be read is taken to be missing from a walk.
    BadIsAbsent,
    /// A patch is written onto a document that could not be migrated.
    PatchUnmigrated,
    /// A feed that shows no deletes is never walked from the beginning again.
    DeletesNotWalked,
    /// What a server shows of a write without a precondition counts as our own, whoever wrote it.
    TheirsIsOurs,
    /// What may have taken effect twice is not reported.
    DuplicateUnreported,
    /// A write without a precondition is sent without a look at its record.
    WriteUnchecked,
    /// What was read before a write without a precondition is not compared.
    CheckIgnored,
    /// What stands on a guess is sent without a precondition.
    PushOnGuess,
    /// What a page shows is written again, also when nothing of it is new.
    RewritesTheSame,
    /// What a write of ours replaced comes back as a change of somebody else.
    PastComesBack,
    /// What was accepted without an image stays as it was sent, whatever the server made of it.
    GuessStays,
    /// That a record with pending writes is out of scope is ignored.
    ScopeIgnored,
    /// The id that the server made is not taken.
    IdNotTaken,
    /// What refers to a record goes on naming it by the id that it had.
    ReferenceStays,
    /// What refers to a record that has no id yet is sent nevertheless.
    ReferenceNotAwaited,
    /// What waited for an id goes on waiting when it is there.
    ReferenceForgotten,
    /// References that were cut out of a cycle are not sent after it.
    CutStays,
    /// A cycle of references is not cut.
    CycleNotCut,
    /// A page is applied before what became of creates is known.
    PageBeforeCreates,
    /// A record that a page showed stays beside the one that it turns out to be.
    TwinStays,
    /// A former id resolves to nothing.
    AliasForgotten,
    /// A create whose mark is nowhere goes again although its first request may be under way.
    MarkTooSoon,
    /// A create is sent again although its mark could be looked for.
    MarkForgotten,
    /// A create whose fate no look-up tells is looked up for ever.
    CreateAskedForEver,
}
