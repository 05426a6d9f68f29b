//! The commands, one file each.
mod archive;
mod certify;
mod conflicts;
mod doctor;
mod export;
mod follow;
mod import;
mod init;
mod journal;
mod outbox;
mod plan;
mod query;
mod records;
mod serve;
mod session;
mod status;
mod sync;
mod why;

use crate::args::{Args, Command, Import};
use crate::config;
use crate::exit::{Code, Failure};
use crate::output::Out;

/// Runs the command that was asked for.
pub(crate) fn run(args: &Args, out: &Out) -> Result<Code, Failure> {
    let open = || config::open(args);
    match &args.command {
        Command::Serve(options) => serve::run(options, out),
        Command::Init(options) => init::run(args, options, out),
        Command::Sync { watch: false } => sync::once(&open()?, out),
        Command::Sync { watch: true } => sync::watch(&open()?, out),
        Command::Logout(options) => session::logout(&open()?, options, out),
        Command::Login => session::login(&open()?, out),
        Command::Status { watch: false } => status::once(&open()?, out),
        Command::Status { watch: true } => status::watch(&open()?, out),
        Command::Doctor { mend, server } => {
            let (builder, file) = config::builder(args)?;
            doctor::run(&builder, &file, *mend, *server, out)
        }
        Command::Get { collection, id } => records::get(&open()?, collection, id, out),
        Command::Insert {
            collection,
            document,
        } => records::insert(&open()?, collection, document, out),
        Command::Put {
            collection,
            id,
            document,
        } => records::put(&open()?, collection, id, document, out),
        Command::Patch {
            collection,
            id,
            fields,
            unset,
        } => records::patch(&open()?, collection, id, fields, unset, out),
        Command::Delete { collection, id } => records::delete(&open()?, collection, id, out),
        Command::Query(options) => query::run(&open()?, options, out),
        Command::Import(Import {
            replica: Some(archive),
            ..
        }) => archive::import(config::builder(args)?.0, archive, out),
        Command::Import(options) => import::run(&open()?, options, out),
        Command::Export {
            replica: Some(archive),
            ..
        } => archive::export(&open()?, archive, out),
        Command::Export {
            collection,
            file,
            id,
            format,
            replica: None,
        } => export::run(&open()?, collection.as_deref(), file, id, *format, out),
        Command::Outbox { command } => outbox::run(&open()?, command, out),
        Command::Conflicts { command } => conflicts::run(&open()?, command, out),
        Command::Journal {
            of,
            limit,
            command: None,
        } => journal::list(&open()?, of.as_deref(), *limit, out),
        Command::Journal {
            command: Some(command),
            ..
        } => journal::run(&open()?, command, out),
        Command::Plan { limit } => plan::run(&open()?, *limit, out),
        Command::Certify {
            collection,
            document,
            field,
        } => certify::run(&config::builder(args)?.0, collection, document, field, out),
        Command::Why { collection, id } => why::run(&open()?, collection, id, out),
        Command::Confirm {
            feed,
            delete,
            keep: _,
        } => status::confirm(&open()?, feed, *delete, out),
    }
}
