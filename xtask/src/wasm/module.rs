//! The names that a wasm module imports and exports.

use anyhow::{Result, bail, ensure};

/// What a module asks of its host, and what it offers.
pub(super) struct Module {
    /// Where from, and the name.
    pub(super) imports: Vec<(String, String)>,
    pub(super) exports: Vec<String>,
}

const HEADER: &[u8] = b"\0asm\x01\0\0\0";
const IMPORT_SECTION: u8 = 2;
const EXPORT_SECTION: u8 = 7;

impl Module {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let Some(body) = bytes.strip_prefix(HEADER) else {
            bail!("expected a wasm module of version 1, found other bytes")
        };
        let mut module = Self {
            imports: Vec::new(),
            exports: Vec::new(),
        };
        let mut reader = Reader(body);
        while !reader.0.is_empty() {
            let section = reader.byte()?;
            let length = reader.number()?;
            let mut inside = Reader(reader.take(length)?);
            match section {
                IMPORT_SECTION => {
                    for _ in 0..inside.number()? {
                        module.imports.push((inside.name()?, inside.name()?));
                        inside.skip_import_kind()?;
                    }
                }
                EXPORT_SECTION => {
                    for _ in 0..inside.number()? {
                        module.exports.push(inside.name()?);
                        inside.byte()?;
                        inside.number()?;
                    }
                }
                _ => continue,
            }
            ensure!(
                inside.0.is_empty(),
                "expected the end of section {section}, found {} more bytes",
                inside.0.len()
            );
        }
        Ok(module)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8> {
        let Some((first, rest)) = self.0.split_first() else {
            bail!("the module ends too early")
        };
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        ensure!(
            length <= self.0.len(),
            "expected {length} bytes, found {}",
            self.0.len()
        );
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }

    /// Reads an unsigned LEB128 number of up to 63 bits (limits of a memory may exceed 32).
    fn number(&mut self) -> Result<usize> {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(usize::try_from(value)?);
            }
        }
        bail!("a number does not end")
    }

    fn name(&mut self) -> Result<String> {
        let length = self.number()?;
        Ok(std::str::from_utf8(self.take(length)?)?.to_owned())
    }

    fn skip_import_kind(&mut self) -> Result<()> {
        match self.byte()? {
            0 => drop(self.number()?),
            1 => {
                self.byte()?;
                self.skip_limits()?;
            }
            2 => self.skip_limits()?,
            3 => drop(self.take(2)?),
            4 => {
                self.byte()?;
                self.number()?;
            }
            other => bail!("expected a kind of import from 0 to 4, found {other}"),
        }
        Ok(())
    }

    fn skip_limits(&mut self) -> Result<()> {
        let flags = self.byte()?;
        self.number()?;
        if flags & 1 != 0 {
            self.number()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        for (id, content) in sections {
            bytes.push(*id);
            bytes.push(u8::try_from(content.len()).unwrap());
            bytes.extend_from_slice(content);
        }
        bytes
    }

    #[test]
    fn imports_of_every_kind_and_exports_are_read() {
        let imports = b"\x05\x03env\x03now\x00\x01\x03env\x01t\x01\x70\x01\x01\x02\x03env\x03mem\x02\x00\x11\x03env\x01g\x03\x7f\x00\x03env\x01e\x04\x00\x00";
        let exports = b"\x02\x06memory\x02\x00\x05probe\x00\x80\x01";
        let module = Module::parse(&module(&[(1, b"\x00"), (2, imports), (7, exports)])).unwrap();
        let names: Vec<_> = module
            .imports
            .iter()
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(names, ["now", "t", "mem", "g", "e"]);
        assert_eq!(module.exports, ["memory", "probe"]);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(Module::parse(b"#!/bin/sh").is_err());
        let whole = module(&[(2, b"\x01\x03env\x03now\x00\x01")]);
        for cut in HEADER.len() + 1..whole.len() {
            assert!(Module::parse(&whole[..cut]).is_err(), "cut at {cut}");
        }
    }
}
