//! Passwords: only a slow hash of each is kept.
use super::fault::Fault;
use super::limits::PASSWORD_BYTES_MAX;
use super::settings::PasswordCost;
use crate::StoreError;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Checks what a new password must be like.
pub(super) fn check(password: &str, confirmation: Option<&str>) -> Result<(), Fault> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Fault::bad(format!(
            "A password has at most {PASSWORD_BYTES_MAX} bytes."
        )));
    }
    if confirmation != Some(password) {
        return Err(Fault::bad(
            "Password doesn't match confirmation: password_confirmation must repeat password.",
        ));
    }
    Ok(())
}

/// Hashes a password as text that names the algorithm, its cost and the salt.
pub(super) fn hash(password: &str, salt: [u8; 16], cost: PasswordCost) -> Result<String, Fault> {
    let failed = |error: &dyn std::fmt::Display| {
        Fault::from(StoreError::failed(format!(
            "a password was not hashed: {error}"
        )))
    };
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|e| failed(&e))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

/// Whether a password is the one that was hashed. Without a hash the work is done all the same, so that the
/// time does not tell which logins exist.
pub(super) fn is(password: &str, hash: Option<&str>, cost: PasswordCost) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let kept = hash.and_then(|hash| PasswordHash::new(hash).ok());
    match kept {
        Some(kept) => Argon2::default()
            .verify_password(password.as_bytes(), &kept)
            .is_ok(),
        None => {
            // The outcome is not wanted, the time is.
            let _ = self::hash(password, [0; 16], cost);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost {
        memory_kib: 8,
        passes: 1,
    };

    #[test]
    fn a_password_is_known_by_its_hash_only() {
        let hash = hash("pässword", [7; 16], CHEAP).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(is("pässword", Some(&hash), CHEAP));
        assert!(!is("password", Some(&hash), CHEAP));
        assert!(!is("pässword", None, CHEAP));
        assert!(!is("pässword", Some("nonsense"), CHEAP));
        assert!(!is(&"x".repeat(PASSWORD_BYTES_MAX + 1), Some(&hash), CHEAP));
    }

    #[test]
    fn a_new_password_is_repeated() {
        assert!(check("a", Some("a")).is_ok());
        assert!(check("a", Some("b")).is_err());
        assert!(check("a", None).is_err());
    }
}
