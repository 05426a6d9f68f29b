//! The tokens of `tisync serve --tokens`: who comes in, for whose data, and until when.
use crate::exit::Failure;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use tisync_server::faces::same_secret;
use tisync_server::{Authorise, Grant, ServerNow};

/// A file of tokens, read again whenever it has changed: a token that is taken out of it is refused from then on.
pub(crate) struct TokenFile {
    path: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    stamp: Stamp,
    tokens: Vec<Token>,
}

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    number: u64,
}

struct Token {
    secret: String,
    grant: Grant,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    token: Option<String>,
    token_env: Option<String>,
    tenant: String,
    expires: Option<toml::value::Datetime>,
    #[serde(default)]
    read_only: bool,
}

impl TokenFile {
    /// Reads the file; one that cannot be read is an error.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let stamp = stamp(path);
        let tokens = read(path).map_err(Failure::failed)?;
        Ok(TokenFile {
            path: path.to_owned(),
            known: Mutex::new(Known { stamp, tokens }),
        })
    }
}

impl Authorise for TokenFile {
    fn check(&self, token: Option<&str>, now: &ServerNow) -> Result<Grant, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.path);
        if stamp != known.stamp {
            // Once for each change, also when it cannot be read.
            known.stamp = stamp;
            match read(&self.path) {
                Ok(tokens) => known.tokens = tokens,
                Err(error) => tracing::error!(error, "the tokens stay as they were"),
            }
        }
        let Some(sent) = token else {
            return Err("The header `Authorization: Bearer <token>` must carry one of this server's tokens; none came.".into());
        };
        let mut found = None;
        for token in &known.tokens {
            if same_secret(sent.as_bytes(), token.secret.as_bytes()) {
                found = Some(token.grant.clone());
            }
        }
        match found {
            None => {
                Err("The token is not, or no longer, one of this server's. Get a new one.".into())
            }
            Some(grant)
                if grant
                    .until_ms
                    .is_some_and(|until_ms| until_ms <= now.wall_ms) =>
            {
                Err("The token has expired. Get a new one.".into())
            }
            Some(grant) => Ok(grant),
        }
    }
}

fn read(path: &Path) -> Result<Vec<Token>, String> {
    let expected = format!("expected tokens in {}, but", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| format!("{expected} {error}"))?;
    // The parser's words may quote the file, and with it a token: only the place is told.
    let file: File = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!("{expected} line {line} is not understood; each is a [[token]] with token or token_env, tenant, and perhaps expires and read_only")
    })?;
    file.token
        .into_iter()
        .map(|entry| token(entry, &expected))
        .collect()
}

fn token(entry: Entry, expected: &str) -> Result<Token, String> {
    let tenant = &entry.tenant;
    let secret = match (entry.token, entry.token_env) {
        (Some(token), None) => token,
        (None, Some(name)) => std::env::var(&name).map_err(|_| {
            format!("{expected} the environment variable {name} of the tenant {tenant} is not set")
        })?,
        _ => {
            return Err(format!(
                "{expected} the tenant {tenant} has not exactly one of token and token_env"
            ));
        }
    };
    if secret.is_empty() {
        return Err(format!(
            "{expected} a token of the tenant {tenant} is empty"
        ));
    }
    let until_ms = match entry.expires {
        None => None,
        Some(time) => Some(milliseconds(&time.to_string()).ok_or_else(|| {
            format!("{expected} {time} is no time in UTC such as 2026-12-31T23:59:59Z")
        })?),
    };
    Ok(Token {
        secret,
        grant: Grant {
            read_only: entry.read_only,
            until_ms,
            ..Grant::to(tenant)
        },
    })
}

/// Milliseconds since 1970 of `2026-12-31T23:59:59Z`, perhaps with a fraction of a second.
fn milliseconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let numbers = |text: &str, separator| -> Option<[i64; 3]> {
        let parts: Option<Vec<i64>> = text
            .split(separator)
            .map(|part| part.parse().ok())
            .collect();
        parts?.try_into().ok()
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    u64::try_from(seconds * 1_000 + thousandths).ok()
}

/// Howard Hinnant's `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn stamp(path: &Path) -> Stamp {
    let Ok(data) = std::fs::metadata(path) else {
        return Stamp::default();
    };
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&data);
    #[cfg(not(unix))]
    let number = 0;
    Stamp {
        modified: data.modified().ok(),
        bytes: data.len(),
        number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(milliseconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(
            milliseconds("2026-12-31T23:59:59.25Z"),
            Some(1_798_761_599_250)
        );
        assert_eq!(milliseconds("2026-12-31T23:59:59+01:00"), None);
    }
}
