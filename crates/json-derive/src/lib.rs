//! `#[derive(Deserialize)]` for Ti.Sync's types, with as little code for each as there can be.
//!
//! What is derived is `serde`'s trait, and it reads what `serde`'s own derive reads from objects, with the same errors: a
//! type goes from one to the other by its import alone. The derived code says only which field comes from which name;
//! everything else is in `tisync_json::derived`, made once for a source of data. The module for hosts without native
//! code is smaller for it: ADR 17.
//!
//! It knows structs with named fields, structs of one unnamed field, and enums whose names stand outside
//! (`{"variant": content}`). Of `serde`'s attributes it knows `rename_all`, `deny_unknown_fields`, `default` and
//! `try_from` of types, `rename`, `default`, `with` and `borrow` of fields, and `rename` of variants; what is about
//! writing alone it passes over. Anything else is refused where it stands: `#[derive(serde::Deserialize)]` is what to
//! write there. Three things differ: a struct is not read from an array; only what is written as `Option<…>` may be left
//! out for being one; and an error about a variant of several unnamed fields does not name it.

mod attributes;
mod case;
mod enums;
mod structs;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Generics, Lifetime, Type, parse_quote};

/// Derives `serde::Deserialize`.
#[proc_macro_derive(Deserialize, attributes(serde))]
pub fn deserialize(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    syn::parse(input)
        .and_then(|input| derived(&input))
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn derived(input: &DeriveInput) -> syn::Result<TokenStream> {
    let container = attributes::Container::of(&input.attrs)?;
    let whole = Whole::of(input);
    if let Some(from) = &container.try_from {
        return Ok(whole.implemented(&quote! {
            ::tisync_json::derived::converted::<#from, Self, D>(deserializer)
        }));
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => structs::named(&whole, &container, fields),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                without_attributes(&data.fields)?;
                Ok(whole.implemented(&quote! {
                    ::tisync_json::Deserialize::deserialize(deserializer).map(Self)
                }))
            }
            _ => Err(refused(&data.fields)),
        },
        Data::Enum(data) if input.generics.params.is_empty() => {
            enums::derived(&whole, &container, data)
        }
        _ => Err(refused(&input.ident)),
    }
}

/// Refuses attributes of fields without names: none is known.
fn without_attributes(fields: &Fields) -> syn::Result<()> {
    let is_read = |attribute: &syn::Attribute| attribute.path().is_ident("serde");
    match (fields.iter()).find(|field| field.attrs.iter().any(is_read)) {
        Some(field) => Err(refused(field)),
        None => Ok(()),
    }
}

fn refused(place: impl quote::ToTokens) -> Error {
    Error::new_spanned(
        place,
        "tisync_json cannot derive this: expected a struct with named fields, one with a single unnamed field, or an \
         enum without generics; write #[derive(serde::Deserialize)] for another",
    )
}

/// The type as a whole.
struct Whole<'a> {
    input: &'a DeriveInput,
    /// Its generics and `'de`, with what they need.
    generics: Generics,
}

impl<'a> Whole<'a> {
    fn of(input: &'a DeriveInput) -> Self {
        let mut generics = input.generics.clone();
        let mut read: GenericParam = parse_quote!('de);
        if let GenericParam::Lifetime(read) = &mut read {
            let borrowed: Vec<Lifetime> = (input.generics.lifetimes())
                .map(|parameter| parameter.lifetime.clone())
                .collect();
            read.bounds.extend(borrowed);
        }
        for parameter in generics.type_params_mut() {
            parameter
                .bounds
                .push(parse_quote!(::tisync_json::Deserialize<'de>));
        }
        generics.params.insert(0, read);
        Self { input, generics }
    }

    /// Its name, as errors say it.
    fn name(&self) -> String {
        self.input.ident.to_string()
    }

    /// The type, with its generics.
    fn itself(&self) -> Type {
        let name = &self.input.ident;
        let (_, generics, _) = self.input.generics.split_for_impl();
        parse_quote!(#name #generics)
    }

    /// The implementation of `Deserialize` with a body.
    fn implemented(&self, body: &TokenStream) -> TokenStream {
        let (generics, itself) = (&self.generics, self.itself());
        let (generics, _, bounds) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #generics ::tisync_json::Deserialize<'de> for #itself #bounds {
                fn deserialize<D: ::tisync_json::derived::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    #body
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(input: &DeriveInput) -> String {
        derived(input)
            .map(|_| String::new())
            .unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_to_write() {
        for input in [
            parse_quote!(
                struct A(#[serde(with = "m")] B);
            ),
            parse_quote!(
                struct A {
                    #[serde(flatten)]
                    rest: B,
                }
            ),
            parse_quote!(
                struct A {
                    #[serde(alias = "b")]
                    a: B,
                }
            ),
            parse_quote!(
                #[serde(tag = "type")]
                enum A {
                    B { c: u8 },
                }
            ),
            parse_quote!(
                #[serde(untagged)]
                enum A {
                    B { c: u8 },
                }
            ),
            parse_quote!(
                enum A {
                    #[serde(other)]
                    B,
                }
            ),
            parse_quote!(
                struct A;
            ),
            parse_quote!(
                struct A(u8, u8);
            ),
            parse_quote!(
                enum A {}
            ),
            parse_quote!(
                enum A<T> {
                    B(T),
                }
            ),
            parse_quote!(
                enum A {
                    B(#[serde(default)] u8),
                }
            ),
        ] {
            let error = error(&input);
            assert!(error.contains("#[derive(serde::Deserialize)]"), "{error}");
        }
        let input = parse_quote!(
            #[serde(rename_all = "UPPERCASE")]
            struct A {
                b: u8,
            }
        );
        assert_eq!(
            error(&input),
            "expected snake_case, kebab-case or lowercase"
        );
    }

    #[test]
    fn what_is_about_writing_is_passed_over() {
        for input in [
            parse_quote!(
                struct A {
                    #[serde(skip_serializing_if = "Option::is_none")]
                    b: Option<u8>,
                }
            ),
            parse_quote!(
                #[serde(try_from = "u8", into = "u8")]
                struct A(u8);
            ),
        ] {
            assert_eq!(error(&input), "");
        }
    }
}
