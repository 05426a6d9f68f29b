//! `multipart/form-data` bodies.
use super::fault::Fault;
use super::limits::{PART_HEAD_BYTES_MAX, PARTS_MAX};
use super::params::Params;

/// Reads the parts of a body into the parameters. A part is a file if it has a file's name.
pub(super) fn read(content_type: &str, body: &[u8], params: &mut Params) -> Result<(), Fault> {
    let boundary = parameter(content_type, "boundary")
        .filter(|boundary| (1..=70).contains(&boundary.len()))
        .ok_or_else(|| bad("its Content-Type names no boundary"))?;
    let line = format!("--{boundary}");
    let end = format!("\r\n--{boundary}");
    // The first boundary may stand at the very front; what is before it is no part.
    let mut rest = if body.starts_with(line.as_bytes()) {
        &body[line.len()..]
    } else {
        let at = find(body, end.as_bytes()).ok_or_else(|| bad("its boundary is not in it"))?;
        &body[at + end.len()..]
    };
    for _ in 0..PARTS_MAX {
        if rest.starts_with(b"--") {
            return Ok(());
        }
        let part = rest
            .strip_prefix(b"\r\n")
            .ok_or_else(|| bad("a boundary is not followed by a line break"))?;
        let at = find(part, end.as_bytes()).ok_or_else(|| bad("it ends inside a part"))?;
        read_part(&part[..at], params)?;
        rest = &part[at + end.len()..];
    }
    Err(bad(&format!("it has more than {PARTS_MAX} parts")))
}

fn read_part(part: &[u8], params: &mut Params) -> Result<(), Fault> {
    let at = find(part, b"\r\n\r\n")
        .filter(|at| *at <= PART_HEAD_BYTES_MAX)
        .ok_or_else(|| bad("a part has no head, or one that is too long"))?;
    let head = std::str::from_utf8(&part[..at]).map_err(|_| bad("a part's head is not UTF-8"))?;
    let disposition = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or_else(|| bad("a part has no Content-Disposition"))?;
    let name = parameter(disposition, "name").ok_or_else(|| bad("a part has no name"))?;
    if parameter(disposition, "filename").is_some() {
        params.add_file(&name);
        return Ok(());
    }
    let value = String::from_utf8(part[at + 4..].to_vec())
        .map_err(|_| bad("a part without a file's name is not UTF-8 text"))?;
    params.add(&name, value)
}

/// A parameter of a header: `form-data; name="x"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    while let Some(at) = rest.find(';') {
        rest = rest[at + 1..].trim_start();
        let (name, value) = rest.split_once('=')?;
        let (text, behind) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = behind;
    }
    None
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => out.push(chars.next()?.1),
            _ => out.push(c),
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn bad(why: &str) -> Fault {
    Fault::bad(format!("The multipart body cannot be read: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=XX";

    fn read_text(body: &str) -> Result<Params, Fault> {
        let mut params = Params::default();
        read(TYPE, body.as_bytes(), &mut params).map(|()| params)
    }

    #[test]
    fn texts_and_files_are_told_apart() {
        let params = read_text(
            "--XX\r\nContent-Disposition: form-data; name=\"fields\"\r\nContent-Type:text/plain;charset=utf-8\r\n\r\n{\"t\":\"a\r\n--X\"}\r\n\
             --XX\r\ncontent-disposition: form-data; name=\"a \\\"b\"\r\n\r\n\r\n\
             --XX\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--XX--\r\n",
        )
        .unwrap();
        assert_eq!(params.raw("fields"), Some("{\"t\":\"a\r\n--X\"}"));
        assert_eq!(params.raw("a \"b"), Some(""));
        assert!(params.refuse_files().is_err());
    }

    #[test]
    fn broken_bodies_are_refused() {
        for body in [
            "",
            "--XX",
            "--XX\r\n",
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
            "--XX\r\n\r\n\r\n\r\n--XX--",
            "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--",
            "--YY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--YY--",
        ] {
            assert!(read_text(body).is_err(), "{body:?}");
        }
        let mut params = Params::default();
        assert!(read("multipart/form-data", b"--\r\n", &mut params).is_err());
        let many =
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n".repeat(PARTS_MAX + 1);
        assert!(read_text(&format!("{many}--XX--")).is_err());
        assert!(read_text("--XX--\r\n").is_ok(), "no part at all");
    }
}
