//! Structs with named fields.

use crate::Whole;
use crate::attributes::{Absent, Container, Field};
use crate::case::Case;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, FieldsNamed, Type};

/// Types with a default that holds no memory: it is in the place for one until it comes.
const CHEAP: [&str; 18] = [
    "bool", "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "f64", "String", "Cow",
    "Option", "Vec", "BTreeMap", "BTreeSet", "Object",
];

pub(crate) fn named(
    whole: &Whole<'_>,
    container: &Container,
    fields: &FieldsNamed,
) -> syn::Result<TokenStream> {
    let reading = Reading::of(fields, container.rename_all, container)?;
    let implementation = reading.implementation(
        whole,
        &whole.itself(),
        &whole.itself(),
        &quote!(Self),
        &whole.name(),
        container.deny_unknown_fields,
    )?;
    let derived = whole.implemented(&quote! {
        ::tisync_json::derived::structure::<Self, D>(deserializer)
    });
    Ok(quote!(#derived #implementation))
}

/// How the fields of a struct, or of a variant, are read.
pub(crate) struct Reading<'a> {
    fields: Vec<One<'a>>,
    /// Whether what does not come is of the struct's own default.
    of_default: bool,
}

struct One<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: String,
    attributes: Field,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(
        named: &'a FieldsNamed,
        case: Option<Case>,
        container: &Container,
    ) -> syn::Result<Self> {
        let fields = (named.named.iter())
            .filter_map(|field| field.ident.as_ref().map(|ident| (field, ident)))
            .map(|(field, ident)| {
                let attributes = Field::of(&field.attrs)?;
                let plain = ident.to_string();
                let plain = plain.trim_start_matches("r#");
                let written = case.map_or_else(|| plain.to_owned(), |case| case.field(plain));
                Ok(One {
                    ident,
                    ty: &field.ty,
                    name: attributes.rename.clone().unwrap_or(written),
                    attributes,
                })
            })
            .collect::<syn::Result<Vec<_>>>()?;
        if fields.len() > 64 {
            return Err(Error::new_spanned(named, "expected at most 64 fields"));
        }
        Ok(Self {
            fields,
            of_default: container.default,
        })
    }

    /// `Structure` for a marker that reads `value`, made by what `makes` names.
    pub(crate) fn implementation(
        &self,
        whole: &Whole<'_>,
        marker: &Type,
        value: &Type,
        makes: &TokenStream,
        name: &str,
        denies: bool,
    ) -> syn::Result<TokenStream> {
        let (generics, _, bounds) = whole.generics.split_for_impl();
        let listed = self.fields.iter().map(|field| field.name.as_str());
        let names = names(listed.clone())?;
        let body = self.body(makes);
        Ok(quote! {
            #[automatically_derived]
            impl #generics ::tisync_json::derived::Structure<'de> for #marker #bounds {
                type Value = #value;
                const NAME: &'static str = #name;
                const FIELDS: &'static [&'static str] = &[#(#listed),*];
                const SHAPE: &'static ::tisync_json::derived::Shape = &::tisync_json::derived::Shape {
                    fields: #names,
                    denies: #denies,
                };
                fn read<A: ::tisync_json::derived::MapAccess<'de>>(
                    mut fields: ::tisync_json::derived::Fields<'de, A>,
                ) -> ::core::result::Result<#value, A::Error> {
                    #body
                }
            }
        })
    }

    fn body(&self, makes: &TokenStream) -> TokenStream {
        let locals: Vec<Ident> = (0..self.fields.len())
            .map(|number| format_ident!("field{number}"))
            .collect();
        let starts = self.fields.iter().map(|field| self.start(field));
        let numbers = 0..self.fields.len();
        let puts = (self.fields.iter().zip(&locals)).map(|(field, local)| self.put(field, local));
        let required = (0..64u64)
            .zip(&self.fields)
            .filter(|(_, field)| self.is_required(field))
            .fold(0u64, |mask, (number, _)| mask | (1 << number));
        let idents = self.fields.iter().map(|field| field.ident);
        let ends = (self.fields.iter().zip(&locals)).map(|(field, local)| self.end(field, local));
        let default = self
            .of_default
            .then(|| quote!(let default: Self::Value = ::core::default::Default::default();));
        quote! {
            #default
            #(let mut #locals = #starts;)*
            loop {
                match fields.number() {
                    #(#numbers => #puts,)*
                    _ => break,
                }
            }
            fields.end(#required)?;
            ::core::result::Result::Ok(#makes { #(#idents: #ends),* })
        }
    }

    /// What is in a field's place before it comes: nothing that would have to be given free.
    fn start(&self, field: &One<'_>) -> TokenStream {
        let ty = field.ty;
        if self.is_held(field) {
            quote!(::core::option::Option::<#ty>::None)
        } else {
            quote!(<#ty as ::core::default::Default>::default())
        }
    }

    /// What the field is in the end.
    fn end(&self, field: &One<'_>, local: &Ident) -> TokenStream {
        let ident = field.ident;
        match &field.attributes.absent {
            _ if !self.is_held(field) => quote!(#local),
            Some(Absent::Given(path)) => quote!(#local.unwrap_or_else(#path)),
            Some(Absent::OfType) => quote!(#local.unwrap_or_default()),
            None if self.of_default => quote!(#local.unwrap_or(default.#ident)),
            None => quote!(::tisync_json::derived::came(#local)),
        }
    }

    /// Whether it has to come: all do that have no default, but for what is an `Option`.
    fn is_required(&self, field: &One<'_>) -> bool {
        let attributes = &field.attributes;
        !self.of_default
            && attributes.absent.is_none()
            && (attributes.with.is_some() || !is(field.ty, &["Option"]))
    }

    /// Whether its place is an `Option` of it until all have come.
    fn is_held(&self, field: &One<'_>) -> bool {
        let is_given = matches!(field.attributes.absent, Some(Absent::Given(_)));
        let is_of_struct = self.of_default && field.attributes.absent.is_none();
        is_given || is_of_struct || !is(field.ty, &CHEAP)
    }

    /// The call that reads it into its place.
    fn put(&self, field: &One<'_>, local: &Ident) -> TokenStream {
        let ty = field.ty;
        let made = if self.is_held(field) {
            quote!(::core::option::Option::Some(value))
        } else {
            quote!(value)
        };
        if let Some(module) = &field.attributes.with {
            return quote! {{
                struct __With(#ty);
                impl<'de> ::tisync_json::Deserialize<'de> for __With {
                    fn deserialize<D: ::tisync_json::derived::Deserializer<'de>>(
                        deserializer: D,
                    ) -> ::core::result::Result<Self, D::Error> {
                        #module::deserialize(deserializer).map(__With)
                    }
                }
                fields.put_as(&mut #local, |__With(value)| #made)
            }};
        }
        if is(ty, &["Cow"]) {
            return quote!(fields.put_as(&mut #local, |::tisync_json::derived::Text(value)| #made));
        }
        if self.is_held(field) {
            quote!(fields.put_as(&mut #local, ::core::option::Option::Some))
        } else {
            quote!(fields.put(&mut #local))
        }
    }
}

/// Names in the form of `tisync_json::derived::Names`.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> syn::Result<TokenStream> {
    let mut text = String::new();
    for name in names {
        match u8::try_from(name.len()) {
            Ok(length @ ..=0x7f) => text.push(char::from(length)),
            _ => {
                let message = format!("expected names of at most 127 bytes, came {name}");
                return Err(Error::new(Span::call_site(), message));
            }
        }
        text.push_str(name);
    }
    Ok(quote!(::tisync_json::derived::Names(#text)))
}

/// Whether a type is one of those with a name, whatever it is made of.
fn is(ty: &Type, names: &[&str]) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    path.path
        .segments
        .last()
        .is_some_and(|last| names.iter().any(|name| last.ident == name))
}
