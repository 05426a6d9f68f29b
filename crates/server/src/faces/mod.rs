//! What a server looks like from outside: each face turns requests into calls of the service.
mod decode;
mod native;

pub use native::{access, authorise, handle, same_secret, serve};
