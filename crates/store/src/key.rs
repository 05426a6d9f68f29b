//! The key of an encrypted file.
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "encryption")]
use std::sync::{Mutex, PoisonError};
use tisync_core::store::{StoreError, StoreErrorKind};
use zeroize::Zeroizing;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes at the beginning of an encrypted file that make its keys its own.
#[cfg(feature = "encryption")]
pub(crate) const SALT_BYTES: usize = 16;
/// The salt of a file.
#[cfg(feature = "encryption")]
pub(crate) type Salt = [u8; SALT_BYTES];

/// The key of an encrypted file: 32 bytes of chance, or a passphrase that they are derived from. It is never printed,
/// and is wiped from memory with its last clone.
///
/// ```
/// use tisync_store::Key;
/// let key = Key::raw([7; 32]);
/// assert_eq!(format!("{key:?}"), "Key(hidden)");
/// let written = Key::parse(&"07".repeat(32))?;
/// let remembered = Key::parse("four words of chance")?;
/// # let _ = (written, remembered);
/// # Ok::<(), tisync_core::store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    secret: Arc<Secret>,
}

/// What a key is made of.
enum Secret {
    Raw(Zeroizing<[u8; KEY_BYTES]>),
    Passphrase {
        text: Zeroizing<String>,
        /// What was derived last, with its salt: deriving takes as long as a guess is to take.
        #[cfg(feature = "encryption")]
        derived: Mutex<Option<Derived>>,
    },
}

/// A key for the file with this salt.
#[cfg(feature = "encryption")]
type Derived = (Salt, Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    /// A key of 32 bytes, drawn by chance. Opening with it costs next to nothing.
    pub fn raw(bytes: [u8; KEY_BYTES]) -> Self {
        Key {
            secret: Arc::new(Secret::Raw(Zeroizing::new(bytes))),
        }
    }

    /// A passphrase. The key is derived from it once a process, which takes a few tenths of a second.
    ///
    /// # Errors
    /// `EncryptionKey` for an empty one.
    pub fn passphrase(text: impl Into<String>) -> Result<Self, StoreError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            return Err(refused("expected a key or a passphrase, but it is empty"));
        }
        Ok(Key {
            secret: Arc::new(Secret::Passphrase {
                text,
                #[cfg(feature = "encryption")]
                derived: Mutex::new(None),
            }),
        })
    }

    /// Reads a key as people write it down: 64 hexadecimal digits are the key itself, anything else is a passphrase.
    /// White space around it does not count.
    ///
    /// # Errors
    /// `EncryptionKey` for an empty one.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        match read_digits(text, &mut *bytes) {
            Some(()) => Ok(Key {
                secret: Arc::new(Secret::Raw(bytes)),
            }),
            None => Key::passphrase(text),
        }
    }

    /// The key itself, for a file with a salt.
    #[cfg(feature = "encryption")]
    pub(crate) fn bytes(&self, salt: &Salt) -> Zeroizing<[u8; KEY_BYTES]> {
        match &*self.secret {
            Secret::Raw(bytes) => bytes.clone(),
            Secret::Passphrase { text, derived } => {
                let mut derived = derived.lock().unwrap_or_else(PoisonError::into_inner);
                match &*derived {
                    Some((of, bytes)) if of == salt => bytes.clone(),
                    _ => {
                        let bytes = crate::cipher::derive(text.as_bytes(), salt);
                        *derived = Some((*salt, bytes.clone()));
                        bytes
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A passphrase and a raw key look the same.
        let Key { secret: _ } = self;
        f.write_str("Key(hidden)")
    }
}

/// Reads hexadecimal digits, two for each byte; `None` for anything else, or more, or fewer.
pub(crate) fn read_digits(digits: &str, bytes: &mut [u8]) -> Option<()> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(())
}

/// The error of a key that nothing can be done with.
pub(crate) fn not_built_in() -> StoreError {
    refused(
        "a key came, but this program was built without encryption: build it with the feature `encryption`; nothing \
         was changed",
    )
}

/// An error about a key.
pub(crate) fn refused(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::EncryptionKey, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_key_and_words_are_a_passphrase() {
        let raw = |text: &str| match &*Key::parse(text).unwrap().secret {
            Secret::Raw(bytes) => Some(**bytes),
            Secret::Passphrase { .. } => None,
        };
        assert_eq!(raw(&format!(" {}\n", "0F".repeat(32))), Some([15; 32]));
        assert_eq!(raw(&"0g".repeat(32)), None);
        assert_eq!(raw("07"), None);
        let error = Key::parse(" \n").unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::EncryptionKey);
    }
}
