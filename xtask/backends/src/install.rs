//! Installs what is pinned, and nothing else.
use crate::all::bin;
use crate::{Backend, Packages, Place};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What was done for a program of others.
#[derive(Debug, PartialEq, Eq)]
pub enum Installed {
    /// It was installed.
    Now,
    /// Exactly this was there already.
    Before,
}

/// Whether there is a Python that can make an environment.
pub fn has_python() -> bool {
    python().is_some()
}

impl Backend {
    /// Installs the packages, unless exactly these are there.
    ///
    /// No package runs a script of its own.
    ///
    /// # Errors
    /// When a tool is missing, or a package cannot be had.
    pub fn install(&self, place: &Place) -> Result<Installed> {
        let manifest = place.manifest(self);
        let folder = place.installed(self);
        let pins = read(&manifest.join(self.packages.pins()))?;
        if self.is_installed(place)? {
            return Ok(Installed::Before);
        }
        // What was left of another version would mix with this one.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        match self.packages {
            Packages::Npm => npm(&manifest, &folder),
            Packages::Python => pip(&manifest, &folder),
        }
        .with_context(|| format!("{} could not be installed", self.name))?;
        // Written last, so that it stands for a whole installation.
        std::fs::write(mark(&folder), pins)?;
        Ok(Installed::Now)
    }

    /// Whether exactly what is pinned is there.
    pub(crate) fn is_installed(&self, place: &Place) -> Result<bool> {
        let pins = read(&place.manifest(self).join(self.packages.pins()))?;
        let installed = std::fs::read_to_string(mark(&place.installed(self)));
        Ok(installed.is_ok_and(|installed| installed == pins))
    }
}

impl Packages {
    /// The file that pins every package.
    fn pins(self) -> &'static str {
        match self {
            Packages::Npm => "package-lock.json",
            Packages::Python => "requirements.txt",
        }
    }
}

fn mark(folder: &Path) -> PathBuf {
    folder.join("installed.txt")
}

fn npm(manifest: &Path, folder: &Path) -> Result<()> {
    for file in ["package.json", "package-lock.json"] {
        std::fs::write(folder.join(file), read(&manifest.join(file))?)?;
    }
    let mut command = Command::new("npm");
    command.arg("--version");
    if !runs(command) {
        bail!("npm is missing: it comes with Node.js 20 or later, or `apt-get install npm`");
    }
    let mut install = Command::new("npm");
    install
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder);
    succeeds(install)
}

fn pip(manifest: &Path, folder: &Path) -> Result<()> {
    let Some(python) = python() else {
        bail!(
            "a Python of 3.11 or later that makes environments is missing: `apt-get install python3-venv`, or name \
             one in the variable PYTHON"
        );
    };
    let mut make = Command::new(python);
    make.args(["-m", "venv"]).arg(folder.join("venv"));
    succeeds(make)?;
    let mut install = Command::new(bin(folder).join("python"));
    install
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        // Only what is pinned, and only what needs no program of its own to be built.
        .args(["--quiet", "--no-deps", "--only-binary", ":all:"])
        .arg("--requirement")
        .arg(manifest.join("requirements.txt"));
    succeeds(install)
}

/// The first Python that can make an environment.
fn python() -> Option<String> {
    let named = std::env::var("PYTHON").ok();
    let known = ["python3", "python", "/usr/bin/python3"].map(str::to_owned);
    named.into_iter().chain(known).find(|python| {
        let mut command = Command::new(python);
        command.args([
            "-c",
            "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))",
        ]);
        runs(command)
    })
}

/// Tells whether a program is there and runs; what it prints is dropped.
fn runs(mut command: Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn succeeds(mut command: Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!(
            "{name} failed ({}):\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
