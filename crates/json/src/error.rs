//! Why a text is not a document.

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not JSON.
    Syntax,
    /// Not an object.
    NotAnObject,
    /// The same key twice in one object.
    DuplicateKey,
    /// A number beyond the range of a double.
    NumberOverflow,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// Nested deeper than the limit.
    TooDeep,
    /// Longer than the limit.
    TooLong,
    /// Not a path, or a patch that holds a path together with its prefix.
    Path,
}

/// Why a text is not a document: the kind, the place and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Byte offset in the text.
    pub offset: usize,
    /// What was expected and what came.
    pub message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize, message: impl Into<String>) -> Self {
        Error {
            kind,
            offset,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.offset)
    }
}

impl std::error::Error for Error {}
