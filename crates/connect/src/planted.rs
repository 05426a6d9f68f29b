//! Bugs of the native connector that are planted on purpose; see the core's module of the same name.
tisync_core::planted_bugs! {
    /// A mutation that the answer leaves out counts as accepted.
    NoVerdictIsAccepted,
    /// An answer that is cut off counts as an empty one.
    CutIsEmpty,
    /// Answers to pushes and look-ups do not say in which history they were given.
    EpochUnsaid,
}
