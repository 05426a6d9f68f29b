//! Documents as arguments: JSON text, `@FILE`, or `-` for the input.
use crate::exit::Failure;
use std::io::Read;
use tisync::Document;

/// Reads a document argument.
pub(crate) fn document(argument: &str) -> Result<Document, Failure> {
    let (text, origin) = if argument == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        (text, "the input")
    } else if let Some(file) = argument.strip_prefix('@') {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::failed(format!("expected to read {file}, but {error}")))?;
        (text, file)
    } else {
        (argument.to_owned(), "the argument")
    };
    Document::parse(text.trim()).map_err(|error| {
        Failure::failed(format!(
            "expected a JSON object in {origin}, but {error}; for example '{{\"title\": \"Milk\"}}'"
        ))
    })
}
