//! The pages of an encrypted file, as SQLCipher 4 writes them: <https://www.zetetic.net/sqlcipher/design/>.
//!
//! SQLCipher itself reads and writes them; this is for salvage, which looks at pages when SQLCipher gives up, and for
//! deriving a key once a process and not once a connection.
use crate::key::{KEY_BYTES, Key, SALT_BYTES, Salt};
use crate::limits;
use aes::Aes256;
use cbc::Decryptor;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use std::fmt;
use zeroize::Zeroizing;

/// Rounds between a passphrase and its key.
const ROUNDS: u32 = 256_000;
/// Rounds between the key and that of the authentication codes.
const CODE_ROUNDS: u32 = 2;
/// What the salt of the authentication codes' key differs by.
const CODE_SALT: u8 = 0x3a;
/// Bytes of an initialisation vector.
const VECTOR: usize = 16;
/// Bytes of an authentication code.
const CODE: usize = 64;
const PAGE: usize = limits::PAGE_BYTES;
/// Bytes of a page that rows may use.
const USABLE: usize = PAGE - VECTOR - CODE;

/// Reads the pages of one file.
pub(crate) struct Cipher {
    key: Zeroizing<[u8; KEY_BYTES]>,
    codes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Cipher {
    /// The cipher of a file with this salt.
    pub(crate) fn new(key: &Key, salt: &Salt) -> Self {
        let key = key.bytes(salt);
        let salt = salt.map(|byte| byte ^ CODE_SALT);
        let codes = rounds(&*key, &salt, CODE_ROUNDS);
        Cipher { key, codes }
    }

    /// What a page holds, without what is reserved at its end; `None` unless it is as it was written, in this place
    /// and under this key.
    pub(crate) fn open(&self, number: u32, page: &[u8]) -> Option<Vec<u8>> {
        // The first one begins with the salt, in the place of what every file of SQLite begins with.
        let from = if number == 1 { SALT_BYTES } else { 0 };
        let (body, code) = page.get(from..PAGE)?.split_last_chunk::<CODE>()?;
        let mut mac = hmac(&*self.codes)?;
        mac.update(body);
        mac.update(&number.to_le_bytes());
        mac.verify_slice(code).ok()?;
        let (sealed, vector) = body.split_last_chunk::<VECTOR>()?;
        let mut bytes = Vec::with_capacity(USABLE);
        if number == 1 {
            bytes.extend_from_slice(crate::salvage::MAGIC);
        }
        bytes.extend_from_slice(sealed);
        Decryptor::<Aes256>::new_from_slices(&*self.key, vector)
            .ok()?
            .decrypt_padded::<NoPadding>(&mut bytes[from..])
            .ok()?;
        Some(bytes)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(hidden)")
    }
}

/// The key that SQLCipher makes of a passphrase.
pub(crate) fn derive(passphrase: &[u8], salt: &Salt) -> Zeroizing<[u8; KEY_BYTES]> {
    rounds(passphrase, salt, ROUNDS)
}

/// PBKDF2 with HMAC-SHA512, of one block.
fn rounds(secret: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let Some(keyed) = hmac(secret) else {
        return key;
    };
    let mut link = keyed.clone();
    link.update(salt);
    link.update(&1_u32.to_be_bytes());
    let mut link = link.finalize().into_bytes();
    for round in 0..rounds {
        if round > 0 {
            let mut next = keyed.clone();
            next.update(&link);
            link = next.finalize().into_bytes();
        }
        for (byte, of) in key.iter_mut().zip(&link) {
            *byte ^= of;
        }
    }
    key
}

/// Takes a secret of any length, so there is always one.
fn hmac(secret: &[u8]) -> Option<Hmac<Sha512>> {
    Hmac::new_from_slice(secret).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_derived_as_others_do() {
        // `openssl kdf -keylen 32 -kdfopt digest:SHA512 -kdfopt pass:password -kdfopt salt:salt -kdfopt iter:1 PBKDF2`
        let key = rounds(b"password", b"salt", 1);
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
        );
    }
}
