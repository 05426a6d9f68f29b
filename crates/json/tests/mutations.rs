//! Hostile texts: seeds bent at random, a fixed number of them from fixed seeds, so that every run is
//! the same. What `serde_json` accepts is what we accept, but for our own refusals.
#![allow(clippy::unwrap_used, missing_docs)]

use tisync_json::limits::DEPTH_MAX;
use tisync_json::{Document, Error, ErrorKind, Number, Patch, Path, Value, get};

const ROUNDS: u64 = 60_000;

const SEEDS: &[&str] = &[
    r#"{"id":"a1","title":"Buy milk","done":false,"priority":3,"tags":["a","b"],"due":null}"#,
    r#"{"a":{"b":{"c":[1,-2.5,3e10,0.1]}},"é":"😀","":""}"#,
    r#"{ "s" : "\"\\\/\b\f\n\r\t\u0041\ud83d\ude00" , "n" : [ ] , "o" : { } }"#,
    r#"{"x":123456789012345678901234567890,"y":1e308,"z":-0.0,"w":1E-400}"#,
    r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,"p":16,"q":17}"#,
    "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    r#"[true,false,null,"x",0,-1]"#,
];

/// What is put in: the bytes that mean something, and whole tokens.
const TOKENS: &[&str] = &[
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "0",
    "9",
    "-",
    "+",
    ".",
    "e",
    "E",
    "u",
    " ",
    "\n",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "\u{feff}",
    "é",
    "\\u0061",
    "\\ud800",
    "\\udc00",
    "\\u00",
    "1e999",
    "1e-999",
    "null",
    "true",
    "NaN",
    "\"a\":1,",
    "[[[[",
    "{\"a\":",
    "\\\\",
    "99999999999999999999",
    "//",
    "'",
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn place(&mut self, text: &str) -> usize {
        text.floor_char_boundary(self.below(text.len() + 1))
    }

    fn bent(&mut self, seed: &str) -> String {
        let mut text = seed.to_owned();
        for _ in 0..self.below(4) + 1 {
            let (a, b) = (self.place(&text), self.place(&text));
            let (from, to) = (a.min(b), a.max(b));
            match self.below(7) {
                0 => text.truncate(from),
                1 => text.replace_range(from..to.min(text.ceil_char_boundary(from + 3)), ""),
                2 => {
                    let part = text[from..to].to_owned();
                    let at = self.place(&text);
                    text.insert_str(at, &part);
                }
                3 => {
                    let end = text.ceil_char_boundary((from + 1).min(text.len()));
                    text.replace_range(from..end, TOKENS[self.below(TOKENS.len())]);
                }
                _ => text.insert_str(from, TOKENS[self.below(TOKENS.len())]),
            }
        }
        text
    }
}

/// Whether `serde_json` reads `text`, without its own limit of depth.
fn serde_accepts(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

fn check(text: &str) -> Result<Value, Error> {
    let parsed = Value::parse(text);
    let document = Document::parse(text);
    match &parsed {
        Ok(value) => {
            assert!(serde_accepts(text), "only we accept {text:?}");
            let printed = value.to_string();
            assert_eq!(&Value::parse(&printed).unwrap(), value, "{text:?}");
            assert_eq!(
                &Value::parse(&value.canonical()).unwrap(),
                value,
                "{text:?}"
            );
            same_as_serde(text, value);
            match value.as_object() {
                Some(object) => {
                    let document = document.unwrap();
                    assert_eq!(&document.object(), object, "{text:?}");
                    let mut paths: Vec<Path> = object.keys().map(Path::key).collect();
                    paths.push(Path::parse("/a/b/c").unwrap());
                    for (path, found) in paths.iter().zip(document.fields(&paths)) {
                        assert_eq!(found.as_ref(), get(object, path), "{text:?}");
                    }
                }
                None => assert_eq!(
                    document.unwrap_err().kind,
                    ErrorKind::NotAnObject,
                    "{text:?}"
                ),
            }
        }
        Err(error) => {
            assert_eq!(document.as_ref().unwrap_err(), error, "{text:?}");
            assert!(text.is_char_boundary(error.offset), "{text:?} {error}");
            match error.kind {
                ErrorKind::Syntax => {
                    assert!(!serde_accepts(text), "only we refuse {text:?}: {error}")
                }
                ErrorKind::DuplicateKey | ErrorKind::LoneSurrogate => {}
                ErrorKind::NumberOverflow => assert!(text.contains(['e', 'E']), "{text:?}"),
                ErrorKind::TooDeep => assert!(text.matches(['[', '{']).count() > DEPTH_MAX),
                other => panic!("{other:?} for {text:?}"),
            }
        }
    }
    parsed
}

/// Whether both read the same value, as far as `serde_json`'s tree can hold it.
fn same_as_serde(text: &str, value: &Value) {
    fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
        use serde_json::Value as Theirs;
        match (ours, theirs) {
            (Value::Null, Theirs::Null) => true,
            (Value::Bool(a), Theirs::Bool(b)) => a == b,
            (Value::String(a), Theirs::String(b)) => a == b,
            (Value::Number(a), Theirs::Number(b)) => match (b.as_i64(), b.as_u64()) {
                (Some(b), _) => *a == Number::from(b),
                (_, Some(b)) => *a == Number::from(b),
                _ => Some(a.as_f64() + 0.0) == b.as_f64().map(|b| b + 0.0),
            },
            (Value::Array(a), Theirs::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Value::Object(a), Theirs::Object(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
            }
            _ => false,
        }
    }
    // An integer beyond a double is an error there, and a value here.
    if let Ok(theirs) = serde_json::from_str(text) {
        assert!(same(value, &theirs), "{text:?}: {value} {theirs}");
    }
}

#[test]
fn bent_texts_are_read_as_serde_json_reads_them_or_refused() {
    let mut random = Random(1);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let seed = SEEDS[round as usize % SEEDS.len()];
        let text = random.bent(seed);
        match check(&text) {
            Ok(_) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    // Both ways are really taken.
    assert!(
        accepted > ROUNDS / 20 && refused > ROUNDS / 4,
        "{accepted} {refused}"
    );
}

#[test]
fn the_seeds_are_accepted() {
    for seed in SEEDS {
        check(seed).unwrap();
    }
}

#[test]
fn bent_patches_and_paths_do_not_break_anything() {
    let seeds = [
        r#"{"set":{"/a":1,"/b/c":{"d":[1]}},"unset":["/e","/f~1g"]}"#,
        r#"{"set":{"title":"x"},"unset":[]}"#,
    ];
    let mut random = Random(2);
    let mut accepted = 0;
    for round in 0..ROUNDS / 4 {
        let text = random.bent(seeds[round as usize % seeds.len()]);
        if let Ok(patch) = serde_json::from_str::<Patch>(&text) {
            accepted += 1;
            patch.check().unwrap();
            let back = serde_json::to_string(&patch).unwrap();
            assert_eq!(
                serde_json::from_str::<Patch>(&back).unwrap(),
                patch,
                "{text:?}"
            );
        }
        let pointer = random.bent("/a~0b/c~1d//é");
        if let Ok(path) = Path::parse(&pointer) {
            assert_eq!(Path::parse(&path.to_string()).unwrap(), path, "{pointer:?}");
        }
    }
    assert!(accepted > ROUNDS / 100, "{accepted}");
}
