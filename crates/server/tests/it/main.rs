//! The server from the store up to the socket.
mod conformance;
