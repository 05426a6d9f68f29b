//! Verification after an upgrade of the app: the server's documents are of an older schema than those here.
use crate::backend::*;
use crate::common::*;
use tisync_core::Engine;
use tisync_core::model::*;
use tisync_json::Document;

/// A device with five records, all brought forward.
fn upgraded(backend: &mut Backend) -> Device {
    let mut device = device(None, backend);
    for settings in device.config.collections.values_mut() {
        settings.schema.number = 1;
    }
    device.engine = Engine::new();
    let config = Box::new(device.config.clone());
    let mut outputs = device.step(Input::Configure(config));
    while let Some(Output::Migrate(asked)) = outputs.pop() {
        let answer = asked.ask(|_, _, document| Ok(forward(document)));
        outputs = device.step(Input::Migrated(Box::new(answer)));
    }
    device.step(Input::LeaseTaken);
    backend.forward = Some(forward);
    settle(&mut device, backend);
    device
}

/// The app's migrate function: `n` is called `m` now.
fn forward(document: &Document) -> Document {
    Document::parse(&document.text().replace("\"n\"", "\"m\"")).unwrap()
}

#[test]
fn what_was_brought_forward_here_is_no_drift() {
    let mut backend = Backend::with(5);
    let mut device = upgraded(&mut backend);
    set_back(&mut device, "n00002", "e.2", r#"{"m":22}"#);
    let told = verify(&mut device, &mut backend, true);
    let last = told.last.unwrap();
    assert_eq!((last.mended, last.left), (1, 0));
    assert_eq!(told.at_ms, Some(device.wall_ms));
    assert_eq!(backend.fetched.len(), 5);
    for number in 1..=5 {
        let id = format!("n{number:05}");
        assert_eq!(device.get(&id).unwrap(), format!(r#"{{"m":{number}}}"#));
    }
}

#[test]
fn what_is_written_on_the_server_meanwhile_is_no_drift() {
    let mut backend = Backend::with(5);
    let mut device = upgraded(&mut backend);
    let (feed, contents) = (feed_key(), true);
    device.step(Input::Verify { feed, contents });
    let mut is_written = false;
    while !is_written {
        let Some(order) = device.order() else {
            device.step(Input::Wake);
            continue;
        };
        if matches!(order.task, Task::Fetch(_)) {
            backend.put("n00003", r#"{"n":33}"#);
            is_written = true;
        }
        let reply = backend.reply(order.task);
        device.answer(order.request, reply);
    }
    assert_eq!(device.get("n00003").unwrap(), r#"{"m":3}"#);
    settle(&mut device, &mut backend);
    let last = verified(&mut device).last.unwrap();
    assert_eq!((last.mended, last.left), (0, 0));
    assert_eq!(device.get("n00003").unwrap(), r#"{"m":33}"#);
    assert_eq!(device.journal(), []);
}
