//! The parser and the scanner.
