//! `a=1&b=x+y%20z`, of addresses and bodies.
use super::fault::Fault;

/// Reads pairs in order. `+` is a space, as in any form.
pub(super) fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let mut pairs = Vec::new();
    for pair in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|b| *b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &b""[..]),
        };
        pairs.push((decode(name, true)?, decode(value, true)?));
    }
    Ok(pairs)
}

/// Decodes one part of a path, or one value.
pub(super) fn decode(text: &[u8], plus: bool) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'+' if plus => bytes.push(b' '),
            b'%' => match rest.split_first_chunk::<2>() {
                Some((digits, behind)) if digits.iter().all(u8::is_ascii_hexdigit) => {
                    bytes.push(hex(digits[0]) << 4 | hex(digits[1]));
                    rest = behind;
                }
                // A lone percent sign stands for itself, as in most servers.
                _ => bytes.push(b'%'),
            },
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| Fault::bad("A parameter is not UTF-8 text. Encode it as UTF-8."))
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_whatever_they_hold() {
        let read = |text: &str| pairs(text.as_bytes()).unwrap();
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("login=joe&password=p%26ss+w%C3%B6rd&&flag&e="),
            [
                own("login", "joe"),
                own("password", "p&ss wörd"),
                own("flag", ""),
                own("e", "")
            ]
        );
        assert_eq!(
            read("a=100%&b=%zz&c=%4"),
            [own("a", "100%"), own("b", "%zz"), own("c", "%4")]
        );
        assert_eq!(read("=x"), [own("", "x")]);
        assert!(pairs(b"a=%ff").is_err());
        assert_eq!(decode(b"a+b", false).unwrap(), "a+b");
    }
}
