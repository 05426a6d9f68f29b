//! Every example of a configuration in the pages on connectors makes its connectors.
#![allow(clippy::unwrap_used)]
use std::path::Path;
use tisync::Settings;

#[test]
fn every_example_of_a_connector_can_be_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/connectors");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let page = std::fs::read_to_string(&path).unwrap();
        let blocks = page.split("```toml\n").skip(1);
        for block in blocks.map(|rest| rest.split("```").next().unwrap()) {
            let settings: Settings = toml::from_str(block)
                .unwrap_or_else(|error| panic!("{}: {error}\n{block}", path.display()));
            assert!(!settings.connectors.is_empty() && !settings.collections.is_empty());
            for connector in settings.connectors.values() {
                connector.make().unwrap();
            }
            for collection in settings.collections.values() {
                collection.declared().unwrap();
            }
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
}
