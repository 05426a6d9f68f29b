//! Calls the core, so that the linker keeps it: what this module imports is what the core needs of a host.

/// Parses and prints a document that the compiler cannot know.
#[unsafe(no_mangle)]
pub extern "C" fn probe(seed: u32) -> usize {
    let text = format!("{{\"n\": {seed}.5, \"list\": [1, true, null]}}");
    match tisync_json::Document::parse(&text) {
        Ok(document) => document.text().len(),
        Err(error) => error.to_string().len(),
    }
}
