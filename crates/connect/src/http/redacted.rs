//! Addresses as a log may show them.
use std::fmt;

/// An address without its secrets: no user and password, and no value of its query.
///
/// ```
/// use tisync_connect::http::Redacted;
/// let url = "https://ann:secret@api.example/notes?token=s3cret&limit=10#place";
/// assert_eq!(Redacted(url).to_string(), "https://api.example/notes?token=…&limit=…");
/// ```
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.split_once('#').map_or(self.0, |(url, _)| url);
        let (place, query) = match url.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (url, None),
        };
        match place.split_once("://") {
            Some((scheme, rest)) => {
                let end = rest.find(['/', '\\']).unwrap_or(rest.len());
                let (authority, path) = rest.split_at(end);
                // The last one: a password may hold an `@` of its own.
                let host = authority
                    .rsplit_once('@')
                    .map_or(authority, |(_, host)| host);
                write!(f, "{scheme}://{host}{path}")?;
            }
            None => f.write_str(place.rsplit_once('@').map_or(place, |(_, rest)| rest))?,
        }
        let Some(query) = query else {
            return Ok(());
        };
        for (number, pair) in query.split('&').enumerate() {
            f.write_str(if number == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((name, _)) => write!(f, "{name}=…")?,
                // A value without a name.
                None => f.write_str("…")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_an_address_is_shown() {
        let cases = [
            (
                "http://127.0.0.1:7400/v1/pull",
                "http://127.0.0.1:7400/v1/pull",
            ),
            ("https://a:b@c@host/x", "https://host/x"),
            ("https://host?secret", "https://host?…"),
            ("https://host/x?a=1=2&b&=c", "https://host/x?a=…&…&=…"),
            ("https://host/x#token", "https://host/x"),
            ("https://host#a?b=c", "https://host"),
            ("user:secret@nonsense", "nonsense"),
            ("", ""),
        ];
        for (url, shown) in cases {
            assert_eq!(Redacted(url).to_string(), shown, "{url}");
        }
    }
}
