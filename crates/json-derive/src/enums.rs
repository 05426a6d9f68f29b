//! Enums: a variant is its name, or an object of its name and what it holds.

use crate::attributes::{Container, renamed};
use crate::structs::Reading;
use crate::{Whole, refused, without_attributes};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DataEnum, Fields, Type, Variant, parse_quote};

pub(crate) fn derived(
    whole: &Whole<'_>,
    container: &Container,
    data: &DataEnum,
) -> syn::Result<TokenStream> {
    let itself = whole.itself();
    let mut names = Vec::new();
    let mut markers = TokenStream::new();
    let (mut units, mut arms) = (Vec::new(), Vec::new());
    for (number, variant) in data.variants.iter().enumerate() {
        let ident = &variant.ident;
        let written = container.rename_all.map_or_else(
            || ident.to_string(),
            |case| case.variant(&ident.to_string()),
        );
        names.push(renamed(&variant.attrs)?.unwrap_or(written));
        let content = match &variant.fields {
            Fields::Unit => {
                units.push((number, ident));
                continue;
            }
            Fields::Unnamed(fields) => unnamed(variant, fields.unnamed.len())?,
            Fields::Named(fields) => {
                let marker = format_ident!("__{}{}", whole.input.ident, ident);
                let marker: Type = parse_quote!(#marker);
                let reading = Reading::of(fields, None, container)?;
                let implementation = reading.implementation(
                    whole,
                    &marker,
                    &itself,
                    &quote!(#itself::#ident),
                    &format!("variant {}::{ident}", whole.name()),
                    container.deny_unknown_fields,
                )?;
                markers.extend(quote! {
                    struct #marker;
                    #implementation
                });
                quote!(::tisync_json::derived::variant::<#marker, A>(content))
            }
        };
        arms.push((number, content));
    }
    if !units.is_empty() {
        let first = units[0].0;
        arms.insert(0, (first, unit(&units)));
    }
    let Some((_, last)) = arms.pop() else {
        return Err(refused(&whole.input.ident));
    };
    let body = if arms.is_empty() {
        last
    } else {
        let arms = arms.into_iter().map(|(number, content)| {
            let numbers: Vec<usize> = match units.first() {
                Some((first, _)) if *first == number => {
                    units.iter().map(|(number, _)| *number).collect()
                }
                _ => vec![number],
            };
            quote!(#(#numbers)|* => #content,)
        });
        quote!(match number { #(#arms)* _ => #last })
    };
    let name = whole.name();
    let found = crate::structs::names(names.iter().map(String::as_str))?;
    let derived = whole.implemented(&quote! {
        ::tisync_json::derived::choice::<Self, D>(deserializer)
    });
    Ok(quote! {
        #derived
        const _: () = {
            #markers
            #[automatically_derived]
            impl<'de> ::tisync_json::derived::Choice<'de> for #itself {
                const NAME: &'static str = #name;
                const VARIANTS: &'static [&'static str] = &[#(#names),*];
                const NAMES: ::tisync_json::derived::Names = #found;
                fn read<A: ::tisync_json::derived::VariantAccess<'de>>(
                    number: usize,
                    content: A,
                ) -> ::core::result::Result<Self, A::Error> {
                    #body
                }
            }
        };
    })
}

/// Reads a variant without content; `number` is one of theirs.
fn unit(units: &[(usize, &syn::Ident)]) -> TokenStream {
    let value = match units {
        [(_, only)] => quote!(Self::#only),
        [others @ .., (_, last)] => {
            let others = others
                .iter()
                .map(|(number, ident)| quote!(#number => Self::#ident,));
            quote!(match number { #(#others)* _ => Self::#last })
        }
        [] => TokenStream::new(),
    };
    quote!({
        content.unit_variant()?;
        ::core::result::Result::Ok(#value)
    })
}

/// Reads a variant of one unnamed field, or of several.
fn unnamed(variant: &Variant, count: usize) -> syn::Result<TokenStream> {
    let ident = &variant.ident;
    without_attributes(&variant.fields)?;
    Ok(match count {
        0 => return Err(refused(variant)),
        1 => quote!(content.newtype_variant().map(Self::#ident)),
        _ => {
            let parts: Vec<_> = (0..count).map(|part| format_ident!("part{part}")).collect();
            quote!(content.newtype_variant().map(|(#(#parts),*)| Self::#ident(#(#parts),*)))
        }
    })
}
