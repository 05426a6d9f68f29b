//! One JSON object a line.
use super::Sink;
use crate::exit::Failure;
use std::io::BufRead;
use tisync::Document;

/// Reads all lines; empty ones are skipped.
pub(super) fn read(mut source: Box<dyn BufRead + '_>, sink: &mut Sink<'_>) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let (mut line, mut end) = (0, 0);
    loop {
        bytes.clear();
        let read = source.read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        line += 1;
        end += read as u64;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.trim(),
            Err(error) => {
                sink.row(
                    line,
                    end,
                    Err(format!("expected text in UTF-8, but {error}")),
                )?;
                continue;
            }
        };
        if !text.is_empty() {
            let row = Document::parse(text)
                .map_err(|error| format!("expected a JSON object, but {error}"));
            sink.row(line, end, row)?;
        }
    }
}
