//! One file per command.

pub(crate) mod acs;
pub(crate) mod alloy;
pub(crate) mod backends;
pub(crate) mod bench;
pub(crate) mod c;
pub(crate) mod certify;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod fixture;
pub(crate) mod js;
pub(crate) mod sim;
pub(crate) mod test;
pub(crate) mod tidy;
pub(crate) mod wasm;
