//! The names that a wasm module imports and exports.

use anyhow::Result;
use wasmparser::{Parser, Payload};

/// What a module asks of its host, and what it offers.
pub(super) struct Module {
    /// Where from, and the name.
    pub(super) imports: Vec<(String, String)>,
    pub(super) exports: Vec<String>,
}

impl Module {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut module = Self {
            imports: Vec::new(),
            exports: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let name = (import.module.to_owned(), import.name.to_owned());
                        module.imports.push(name);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        module.exports.push(export?.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(module)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module of sections; each has fewer than 128 bytes.
    fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        for (id, content) in sections {
            bytes.push(*id);
            bytes.push(u8::try_from(content.len()).unwrap());
            bytes.extend_from_slice(content);
        }
        bytes
    }

    #[test]
    fn imports_of_every_kind_and_exports_are_read() {
        let imports = b"\x04\x03env\x03now\x00\x01\x03env\x01t\x01\x70\x01\x01\x02\x03env\x03mem\x02\x00\x11\x03env\x01g\x03\x7f\x00";
        let exports = b"\x02\x06memory\x02\x00\x05probe\x00\x80\x01";
        let module = Module::parse(&module(&[(2, imports), (7, exports)])).unwrap();
        let names: Vec<_> = module
            .imports
            .iter()
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(names, ["now", "t", "mem", "g"]);
        assert_eq!(module.exports, ["memory", "probe"]);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(Module::parse(b"#!/bin/sh").is_err());
        let whole = module(&[(2, b"\x01\x03env\x03now\x00\x01")]);
        for cut in 9..whole.len() {
            assert!(Module::parse(&whole[..cut]).is_err(), "cut at {cut}");
        }
    }
}
