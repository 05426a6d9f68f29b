//! Licence expressions, as crates state them: `MIT OR Apache-2.0`, `(A OR B) AND C`, `A WITH exception`, and the old `A/B`.

/// Tells whether the expression can be met with allowed licences alone.
///
/// # Errors
/// Says what could not be read.
pub(super) fn is_allowed(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader {
        words: &words,
        allowed,
    };
    let result = reader.any_of()?;
    match reader.words.first() {
        None => Ok(result),
        Some(word) => Err(format!(
            "expected the end of the licence expression {expression:?}, found {word:?}"
        )),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Reader<'a> {
    fn any_of(&mut self) -> Result<bool, String> {
        let mut result = self.all_of()?;
        while self.take("OR") {
            result |= self.all_of()?;
        }
        Ok(result)
    }

    fn all_of(&mut self) -> Result<bool, String> {
        let mut result = self.one()?;
        while self.take("AND") {
            result &= self.one()?;
        }
        Ok(result)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let result = self.any_of()?;
            return if self.take(")") {
                Ok(result)
            } else {
                Err("a parenthesis is not closed".to_owned())
            };
        }
        let name = self.next().ok_or("expected a licence, found the end")?;
        if !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c))
        {
            return Err(format!("expected a licence, found {name:?}"));
        }
        if self.take("WITH") {
            let exception = self
                .next()
                .ok_or("expected an exception after WITH, found the end")?;
            return Ok((self.allowed)(&format!("{name} WITH {exception}")));
        }
        Ok((self.allowed)(name))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(name: &str) -> bool {
        ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].contains(&name)
    }

    #[test]
    fn expressions_are_read_with_their_precedence() {
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("MIT OR GPL-3.0 AND GPL-2.0", true),
            ("(MIT OR GPL-3.0) AND GPL-2.0", false),
            ("(GPL-3.0 OR MIT) AND Zlib", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
            ("Apache-2.0", false),
        ] {
            assert_eq!(
                is_allowed(expression, &allowed),
                Ok(expected),
                "{expression}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for expression in [
            "",
            "(MIT",
            "MIT GPL-3.0",
            "MIT OR",
            "MIT)",
            "see LICENSE, please",
        ] {
            assert!(is_allowed(expression, &allowed).is_err(), "{expression}");
        }
    }
}
