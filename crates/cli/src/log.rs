//! The log: beside the output, never in it.
use crate::args::Args;
use crate::exit::Failure;
use std::io::{self, IsTerminal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// What `--verbose` shows.
const VERBOSE: &str = "debug";
/// Where our own modules begin. Nobody else's are shown, whatever the filter says: an HTTP client logs headers.
const OURS: &str = "tisync";

/// Begins to log, if that was asked for.
pub(crate) fn begin(args: &Args) -> Result<(), Failure> {
    let verbose = args.verbose.then_some(VERBOSE);
    let Some(text) = args.log.as_deref().or(verbose) else {
        return Ok(());
    };
    let filter = filter(text)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_filter(filter_fn(|about| about.target().starts_with(OURS)));
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    Ok(())
}

fn filter(text: &str) -> Result<EnvFilter, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!(
            "expected a filter of the log, such as debug, or info,tisync::worker=trace, but {text:?} came: {why}"
        ))
    };
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        // A filter would take any word for the name of a module, and show nothing.
        if !part.contains(['=', ':', '[']) && part != OURS && part.parse::<LevelFilter>().is_err() {
            return Err(wrong(format!(
                "{part:?} is no level: off, error, warn, info, debug or trace"
            )));
        }
    }
    EnvFilter::try_new(text).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_levels_and_modules() {
        for good in [
            "debug",
            "warn,tisync::worker=trace",
            "tisync",
            "tisync::meter",
            "off",
            "[exchange]=trace",
            "",
        ] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["loud", "debug,loud", "tisync=loud"] {
            let failure = filter(bad).map(drop).err();
            let message = failure.map(|failure| failure.message).unwrap_or_default();
            assert!(
                message.contains("expected a filter of the log"),
                "{message}"
            );
        }
    }
}
