//! What an app of Titanium Alloy copies: `js/dist/alloy`, which is `ti.sync.js` and `connectors`. All but the connectors lies
//! in `connectors/core`, side by side.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Puts the folder together anew. The module is in it as text: as WebAssembly, and as JavaScript that is only read where
/// there is none.
pub(super) fn assemble(root: &Path, wasm: &Path, js: &Path) -> Result<()> {
    let source = root.join("js");
    let folder = source.join("dist/alloy");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let core = folder.join("connectors/core");
    fs::create_dir_all(&core)?;
    copy(&source.join("alloy/ti.sync.js"), &folder)?;
    copy_all(&source.join("alloy/connectors"), &folder.join("connectors"))?;
    copy_all(&source.join("alloy"), &core)?;
    copy_all(&source.join("core"), &core)?;
    copy(&source.join("backbone.js"), &core)?;
    for unused in ["ti.sync.js", "index.js"] {
        fs::remove_file(core.join(unused))?;
    }
    let module = base64(&fs::read(wasm)?);
    write(&core.join("module-wasm.js"), &format!("\"{module}\""))?;
    let text = serde_json::to_string(&fs::read_to_string(js)?)?;
    write(&core.join("module-js.js"), &text)
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, format!("module.exports = {text};\n"))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Copies the files of JavaScript in a folder.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            copy(&path, to)?;
        }
    }
    Ok(())
}

fn copy(file: &Path, to: &Path) -> Result<()> {
    let name = file.file_name().context("expected a file")?;
    fs::copy(file, to.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(match place <= group.len() {
                true => char::from(digit),
                false => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_base64() {
        assert_eq!(base64(b"\0asm"), "AGFzbQ==");
        assert_eq!(base64(b"Milk!"), "TWlsayE=");
        assert_eq!(base64(b"abc"), "YWJj");
    }
}
