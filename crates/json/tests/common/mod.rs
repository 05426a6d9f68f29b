//! Generators shared by the tests.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use proptest::prelude::*;
use tisync_json::{Number, Object, Patch, Path, Value};

/// Any finite double, with the odd places visited often.
pub fn doubles() -> impl Strategy<Value = f64> {
    let finite = |bits| Some(f64::from_bits(bits)).filter(|double| double.is_finite());
    prop_oneof![
        4 => any::<u64>().prop_filter_map("finite", finite),
        2 => any::<i64>().prop_map(|whole| whole as f64),
        2 => any::<i32>().prop_map(|whole| f64::from(whole) / 100.0),
        2 => (0i32..40, any::<i16>()).prop_map(|(power, near)| {
            let double = 10f64.powi(power);
            f64::from_bits(double.to_bits().wrapping_add_signed(i64::from(near) / 4096))
        }),
        1 => prop::sample::select(ODD_DOUBLES),
    ]
}

pub const ODD_DOUBLES: &[f64] = &[
    0.0,
    -0.0,
    f64::MIN_POSITIVE,
    5e-324,
    f64::MAX,
    f64::MIN,
    1e21,
    1e22,
    -1e21,
    9.999999999999999e20,
    9007199254740992.0,
    9223372036854775808.0,
    -9223372036854775808.0,
    9223372036854774784.0,
    1152921504606846976.0,
    1e-6,
    1e-7,
    0.1,
    -0.5,
];

/// Literals of numbers that are equal, or nearly, across the kinds.
pub fn literals() -> impl Strategy<Value = String> {
    let whole = || doubles().prop_map(|double| format!("{:.0}", double.trunc()));
    prop_oneof![
        3 => any::<i64>().prop_map(|whole| whole.to_string()),
        3 => (-20i64..20).prop_map(|whole| whole.to_string()),
        2 => (-20i64..20, 0..4u8).prop_map(|(whole, form)| match form {
            0 => format!("{whole}.0"),
            1 => format!("{whole}.5"),
            2 => format!("{whole}e0"),
            _ => format!("{whole}E+20"),
        }),
        2 => doubles().prop_map(|double| format!("{double:e}")),
        2 => whole(),
        1 => whole().prop_map(|text| format!("-7{}", text.trim_start_matches('-'))),
        2 => "-?[1-9][0-9]{15,25}",
        1 => (18usize..25, any::<bool>()).prop_map(|(zeros, double)| {
            format!("1{}{}", "0".repeat(zeros), if double { ".0" } else { "" })
        }),
        1 => (300usize..450).prop_map(|length| "9".repeat(length)),
        1 => Just("-0".to_owned()),
    ]
}

pub fn numbers() -> impl Strategy<Value = Number> {
    literals().prop_map(|text| Number::parse(&text).unwrap())
}

pub fn strings() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-c]{0,2}",
        1 => any::<String>(),
        1 => "[\u{0}-\u{22}\\\\/~\u{7f}\u{e9}\u{2028}\u{ffff}\u{1f600}]{0,12}",
    ]
}

pub fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        numbers().prop_map(Value::Number),
        strings().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(strings(), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into())),
        ]
    })
}

/// Objects of few keys, so that two of them meet often.
pub fn objects() -> impl Strategy<Value = Object> {
    let leaf = prop_oneof![
        (0i64..3).prop_map(Value::from),
        Just(Value::Null),
        Just(Value::Array(Vec::new())),
    ];
    let value = leaf.prop_recursive(3, 16, 3, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..4)
            .prop_map(|fields| Value::Object(fields.into()))
    });
    prop::collection::btree_map("[a-c]", value, 0..4).prop_map(Object::from)
}

pub fn paths() -> impl Strategy<Value = Path> {
    prop::collection::vec("[a-c]", 1..4).prop_map(|keys| {
        let mut keys = keys.into_iter();
        let first = Path::key(keys.next().unwrap());
        keys.fold(first, |path, key| path.child(&key))
    })
}

/// Patches that hold no path together with its prefix.
pub fn patches() -> impl Strategy<Value = Patch> {
    let value = objects().prop_map(|object| {
        let only = object.into_iter().next();
        only.map_or(Value::Null, |(_, value)| value)
    });
    prop::collection::vec((paths(), prop::option::of(value)), 0..5).prop_map(|changes| {
        let mut patch = Patch::default();
        for (path, value) in changes {
            if patch.paths().any(|other| other.overlaps(&path)) {
                continue;
            }
            match value {
                Some(value) => drop(patch.set.insert(path, value)),
                None => drop(patch.unset.insert(path)),
            }
        }
        patch
    })
}
