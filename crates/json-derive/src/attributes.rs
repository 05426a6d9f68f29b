//! What `#[serde(…)]` says: of a type, of a field, of a variant.
//!
//! What is about writing only is passed over; what is about reading and not known here is refused.

use crate::case::Case;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, ExprPath, LitStr, Type};

/// Of a type.
#[derive(Default)]
pub(crate) struct Container {
    /// The case of its names.
    pub(crate) rename_all: Option<Case>,
    /// Whether a field without a name here is refused.
    pub(crate) deny_unknown_fields: bool,
    /// Whether a field that does not come is that of the type's default.
    pub(crate) default: bool,
    /// The type that is read in its place.
    pub(crate) try_from: Option<Type>,
}

/// Of a field.
#[derive(Default)]
pub(crate) struct Field {
    /// Its name, if it has another.
    pub(crate) rename: Option<String>,
    /// What it is when it does not come.
    pub(crate) absent: Option<Absent>,
    /// The module that reads it.
    pub(crate) with: Option<ExprPath>,
}

/// What a field is when it does not come.
pub(crate) enum Absent {
    /// Its type's default.
    OfType,
    /// What a function gives.
    Given(ExprPath),
}

impl Container {
    pub(crate) fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut found = Self::default();
        each(attributes, |meta| {
            match name(meta).as_str() {
                "rename_all" => found.rename_all = Some(Case::of(&text(meta)?)?),
                "deny_unknown_fields" => found.deny_unknown_fields = true,
                "default" => found.default = true,
                "try_from" => found.try_from = Some(text(meta)?.parse()?),
                "into" => drop(text(meta)?),
                _ => return Err(unknown(meta)),
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Field {
    pub(crate) fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut found = Self::default();
        each(attributes, |meta| {
            match name(meta).as_str() {
                "rename" => found.rename = Some(text(meta)?.value()),
                "default" if meta.input.peek(syn::Token![=]) => {
                    found.absent = Some(Absent::Given(text(meta)?.parse()?));
                }
                "default" => found.absent = Some(Absent::OfType),
                "with" => found.with = Some(text(meta)?.parse()?),
                // All lifetimes of a type are of what is read.
                "borrow" => {}
                "skip_serializing_if" => drop(text(meta)?),
                _ => return Err(unknown(meta)),
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// The name of a variant, if it has another.
pub(crate) fn renamed(attributes: &[Attribute]) -> syn::Result<Option<String>> {
    let mut found = None;
    each(attributes, |meta| {
        match name(meta).as_str() {
            "rename" => found = Some(text(meta)?.value()),
            _ => return Err(unknown(meta)),
        }
        Ok(())
    })?;
    Ok(found)
}

fn each(
    attributes: &[Attribute],
    mut take: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    (attributes.iter())
        .filter(|attribute| attribute.path().is_ident("serde"))
        .try_for_each(|attribute| attribute.parse_nested_meta(|meta| take(&meta)))
}

fn name(meta: &ParseNestedMeta<'_>) -> String {
    meta.path
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

fn unknown(meta: &ParseNestedMeta<'_>) -> syn::Error {
    meta.error(
        "tisync_json's Deserialize does not know this attribute; write #[derive(serde::Deserialize)] for this type",
    )
}
