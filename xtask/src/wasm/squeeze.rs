//! Makes JavaScript that a program has written smaller: without comments, and without spaces that mean nothing.
//!
//! It knows texts and comments, and no regular expressions: the translation of a module has none.

/// Squeezes a program. A line ends where it ended before, unless it cannot end there.
pub(super) fn squeeze(program: &str) -> String {
    let mut out = String::with_capacity(program.len());
    let mut rest = program;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => text(rest),
            '/' if rest.starts_with("//") => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
                continue;
            }
            ' ' | '\n' | '\t' | '\r' => {
                let next = rest.trim_start();
                let space = &rest[..rest.len() - next.len()];
                out.push_str(separator(&out, space, next));
                rest = next;
                continue;
            }
            _ => first.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        out.push_str(token);
        rest = behind;
    }
    out
}

/// The bytes of the text that begins here, with its quotes.
fn text(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != bytes[0] {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// What has to stand between what is written and what comes next, where there was this space.
fn separator(written: &str, space: &str, next: &str) -> &'static str {
    let (Some(before), Some(after)) = (written.chars().next_back(), next.chars().next()) else {
        return "";
    };
    if before == '\n' {
        return "";
    }
    if space.contains('\n') && !";{,(".contains(before) && after != '}' {
        return "\n";
    }
    let is_word = |character: char| character.is_ascii_alphanumeric() || "_$".contains(character);
    let is_sign = |character: char| character == '+' || character == '-';
    match (is_word(before) && is_word(after)) || (is_sign(before) && before == after) {
        true => " ",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_goes_and_texts_stay() {
        let program = "// it's a comment\nvar a = \"b  // c\" + 'it\\'s';  /* d */\nfunction f(x) {\n return x | 0;\n}\na\n = 1";
        assert_eq!(
            squeeze(program),
            "var a=\"b  // c\"+'it\\'s';function f(x){return x|0;}\na\n=1"
        );
    }

    #[test]
    fn signs_that_would_become_others_stay_apart() {
        assert_eq!(squeeze("a - -1 + +b - +c; i++ + 1"), "a- -1+ +b-+c;i++ +1");
    }
}
