//! Signatures of OAuth 1.0a, two-legged: a consumer's key and secret, no token.
use super::settings::OAuth;
use super::urlencoded;
use crate::faces::same_secret;
use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// A request as it was signed.
pub(super) struct Signed<'a> {
    pub(super) verb: &'a str,
    /// The header `Host`.
    pub(super) host: &'a str,
    /// Without the query.
    pub(super) path: &'a str,
    /// Of the query, and of the body unless it is multipart.
    pub(super) params: Vec<(String, String)>,
    /// The header `Authorization`.
    pub(super) authorization: &'a str,
}

/// What an `Authorization: OAuth …` header carries; none if it is another one.
fn header(text: &str) -> Option<Vec<(String, String)>> {
    let (scheme, rest) = text.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("oauth") {
        return None;
    }
    rest.split(',')
        .map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let value = value.trim().trim_matches('"');
            let decode = |text: &str| urlencoded::decode(text.as_bytes(), false).ok();
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

impl Signed<'_> {
    /// Whether the request names this consumer and is signed with its secret.
    pub(super) fn is_by(&self, consumer: &OAuth) -> bool {
        let Some(mut own) = header(self.authorization) else {
            return false;
        };
        let get = |name: &str| {
            own.iter()
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.clone())
        };
        let (Some(key), Some(signature)) = (get("oauth_consumer_key"), get("oauth_signature"))
        else {
            return false;
        };
        if get("oauth_signature_method").as_deref() != Some("HMAC-SHA1") {
            return false;
        }
        own.retain(|(name, _)| name != "realm" && name != "oauth_signature");
        let known = same_secret(key.as_bytes(), consumer.key.as_bytes());
        // A proxy may have taken TLS off: the client signed the address that it knows.
        let signed = ["http", "https"].into_iter().any(|scheme| {
            let expected = self.signature(scheme, &own, consumer);
            same_secret(signature.as_bytes(), expected.as_bytes())
        });
        known && signed
    }

    fn signature(&self, scheme: &str, own: &[(String, String)], consumer: &OAuth) -> String {
        let default_port = if scheme == "http" { ":80" } else { ":443" };
        let host = self.host.to_ascii_lowercase();
        let host = host.strip_suffix(default_port).unwrap_or(&host);
        let mut pairs: Vec<(String, String)> = self
            .params
            .iter()
            .chain(own)
            .map(|(name, value)| (encode(name), encode(value)))
            .collect();
        pairs.sort();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let base = [
            self.verb.to_owned(),
            encode(&format!("{scheme}://{host}{}", self.path)),
            encode(&pairs.join("&")),
        ]
        .join("&");
        let key = format!("{}&", encode(&consumer.secret));
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.as_bytes()) else {
            return String::new();
        };
        mac.update(base.as_bytes());
        Base64::encode_string(&mac.finalize().into_bytes())
    }
}

/// Encodes as OAuth does: everything but the unreserved characters.
fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What acs-node 0.9.5 sends, with the secret `OA&SECRET`.
    const HEADER: &str = r#"OAuth realm="",oauth_version="1.0",oauth_consumer_key="OAKEY",oauth_signature_method="HMAC-SHA1",oauth_nonce="LoiEZzcDHTVbCk2",oauth_timestamp="1795392509",oauth_signature="xiqeCDdWRphBic3MMdaw0Ygu%2BlM%3D""#;

    fn consumer() -> OAuth {
        OAuth {
            key: "OAKEY".to_owned(),
            secret: "OA&SECRET".to_owned(),
        }
    }

    fn signed() -> Signed<'static> {
        let pairs = [
            ("_session_id", "abc"),
            ("where", r#"{"a b":"é+~*"}"#),
            ("suppress_response_codes", "true"),
        ];
        Signed {
            verb: "GET",
            host: "127.0.0.1:46003",
            path: "/v1/objects/todo/query.json",
            params: pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            authorization: HEADER,
        }
    }

    #[test]
    fn a_signature_that_acs_node_made_is_known() {
        assert!(signed().is_by(&consumer()));
    }

    #[test]
    fn whatever_is_changed_breaks_the_signature() {
        let mut more = signed();
        more.params.push(("limit".into(), "1".into()));
        let changed = HEADER.replace("1795392509", "1795392510");
        let other_key = HEADER.replace("OAKEY", "OTHER");
        let unsigned = HEADER.replace("oauth_signature=", "oauth_nothing=");
        let plain = HEADER.replace("HMAC-SHA1", "PLAINTEXT");
        let with = |authorization| Signed {
            authorization,
            ..signed()
        };
        for signed in [
            more,
            Signed {
                verb: "POST",
                ..signed()
            },
            Signed {
                host: "127.0.0.1",
                ..signed()
            },
            Signed {
                path: "/v1/users/query.json",
                ..signed()
            },
            with(&changed),
            with(&other_key),
            with(&unsigned),
            with(&plain),
            with("Bearer xiqeCDdWRphBic3MMdaw0Ygu+lM="),
            with("OAuth"),
            with("OAuth nonsense"),
        ] {
            assert!(!signed.is_by(&consumer()), "{}", signed.authorization);
        }
        let other = OAuth {
            secret: "OASECRET".to_owned(),
            ..consumer()
        };
        assert!(!signed().is_by(&other));
    }

    #[test]
    fn the_port_of_the_scheme_is_not_signed() {
        let signature =
            |host, scheme| Signed { host, ..signed() }.signature(scheme, &[], &consumer());
        assert_eq!(
            signature("A.example:80", "http"),
            signature("a.example", "http")
        );
        assert_eq!(
            signature("a.example:443", "https"),
            signature("a.example", "https")
        );
        assert_ne!(
            signature("a.example:443", "http"),
            signature("a.example", "http")
        );
    }
}
