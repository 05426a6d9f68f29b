//! Print without white space, keys by their UTF-8 bytes.

use crate::{Number, Object, Value, text};

/// Which print of a number: see [`Number`].
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// For texts that are stored and sent: integers keep all their digits.
    Text,
    /// For equality and hashing: equal numbers print equally.
    Canonical,
}

pub(crate) fn value(value: &Value, style: Style, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => self::number(number, style, out),
        Value::String(string) => text::print(string, out),
        Value::Array(array) => {
            out.push('[');
            for (index, item) in array.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                self::value(item, style, out);
            }
            out.push(']');
        }
        Value::Object(object) => self::object(object, style, out),
    }
}

pub(crate) fn object(object: &Object, style: Style, out: &mut String) {
    out.push('{');
    for (index, (key, field)) in object.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        text::print(key, out);
        out.push(':');
        value(field, style, out);
    }
    out.push('}');
}

fn number(number: &Number, style: Style, out: &mut String) {
    match style {
        Style::Text => number.print(out),
        Style::Canonical => number.print_canonical(out),
    }
}
