//! Addresses of backends: what one may look like, and what an error may show of one.
use crate::{Error, ErrorKind};
use url::Url;

/// Refuses an address that carries a secret: it would be written to the replica's file, and shown with it.
pub(crate) fn has_no_secret(connector: &str, address: &str) -> Result<(), Error> {
    let Ok(url) = Url::parse(address) else {
        return Ok(());
    };
    if url.username().is_empty() && url.password().is_none() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BadConfig,
        format!(
            "expected the address of the connector {connector} without a user and a password, since it is written to \
             the replica's file, but {:?} came; take them out, and give a token by token_env or token_file \
             (`tisync init --token-env NAME`), or by a provider (ReplicaBuilder::credentials)",
            shown(address)
        ),
    ))
}

/// Refuses what is no address of a server that speaks HTTP.
pub(crate) fn is_http(connector: &str, address: &str) -> Result<(), Error> {
    let url = Url::parse(address).ok();
    if url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BadConfig,
        format!(
            "expected the address of the connector {connector} as http://host or https://host, but {:?} came",
            shown(address)
        ),
    ))
}

/// An address as an error shows it: without what may be a user and a password.
fn shown(address: &str) -> String {
    let start = address.find("://").map_or(0, |place| place + 3);
    match address.rfind('@') {
        Some(at) if at >= start => format!("{}…{}", &address[..start], &address[at..]),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_shows_a_password() {
        for address in [
            "http://anna:s3cret@host",
            "https://anna:s3cret@host:8443/notes",
            "http://:s3cret@host",
            "http://s3cret@host",
        ] {
            is_http("main", address).unwrap();
            let error = has_no_secret("main", address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadConfig);
            assert!(!error.to_string().contains("s3cret"), "{error}");
            assert!(error.to_string().contains("@host"), "{error}");
        }
        for address in ["ftp://anna:s3cret@host", "anna:s3cret@host", "http:s3cret@"] {
            let error = has_no_secret("main", address).and_then(|()| is_http("main", address));
            let error = error.unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn plain_addresses_pass() {
        for address in ["http://host", "https://host:1/a/b", "http://127.0.0.1:80"] {
            is_http("main", address).unwrap();
            has_no_secret("main", address).unwrap();
        }
    }
}
